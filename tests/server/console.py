"""The console in a real browser: a visit, with all that it asked for and complained of."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from shared import PATIENCE, T, until

expect.set_options(timeout=PATIENCE * 1000)

ALL_RULES = {
    "type": "tag",
    "values": [
        "wcag2a",
        "wcag2aa",
        "wcag21a",
        "wcag21aa",
        "wcag22aa",
        "best-practice",
    ],
}

SCRIPTS = [
    {
        "code": "talk",
        "name": "Talks",
        "command": ["/bin/sh", "-c", "echo one; echo '<b>two</b>'"],
    },
    {"code": "wait", "command": ["/bin/sh", "-c", "echo begun; sleep 600"]},
    {"code": "fail", "command": ["/bin/sh", "-c", "exit 3"]},
]

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value, sources } of list.getEntries()) {
    if (hadRecentInput) continue;
    const shown = (node) => (node?.outerHTML ?? node?.parentElement?.outerHTML ?? "gone");
    const place = ({ x, y, width, height }) => [x, y, width, height].map(Math.round);
    const moved = sources.map(({ node, previousRect, currentRect }) =>
      `${place(previousRect)} to ${place(currentRect)}: ${shown(node).slice(0, 90)}`);
    window.shifts.push(`${value}: ${moved.join(" | ")}`);
  }
}).observe({ type: "layout-shift", buffered: true });
"""

FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "nowhere";
  const shown = element.outerHTML.slice(0, 200);
  const isOutlined = ({ outlineStyle, outlineWidth, strokeWidth }) =>
    (outlineStyle !== "none" && parseFloat(outlineWidth) > 1) ||
    parseFloat(strokeWidth) > 2;
  const styles = [element, ...element.children].map((each) => getComputedStyle(each));
  // The parts of a field for dates are marked by the browser.
  const hasParts = element.matches("input[type=date], input[type=datetime-local]");
  if (!hasParts && !styles.some(isOutlined)) return `not marked: ${shown}`;
  const { top, bottom, left, right } = element.getBoundingClientRect();
  const isSeen = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  return isSeen ? "" : `out of the window: ${shown}`;
}"""
"""What is wrong with the focus: it must be somewhere, seen, and in the window."""


class Console:
    """The console of a server, in a page of its own of a browser."""

    def __init__(
        self, browser, root, width=1280, scheme="light", height=900, **options
    ):
        self.root = root
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.add_init_script(SHIFTS)
        self.requests = []
        self.complaints = []
        page = self.page
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def go(self, view, heading=None):
        """Show the view at an address after ``#``, and wait for its heading."""
        if self.page.url.startswith(self.root):
            self.page.evaluate("view => { location.hash = view; }", view)
        else:
            self.page.goto(f"{self.root}/console{view}")
        if heading:
            self.page.get_by_role("heading", level=1, name=heading).wait_for()
        return self.page

    def settle(self):
        """Wait until the view has what it asked for."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)

    def violations(self, *rules):
        """Return what axe finds wrong with the page as it is, each in a line.

        By all rules, or by those that are given.
        """
        only = {"type": "rule", "values": rules} if rules else ALL_RULES
        options = {"runOnly": only, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found
            for node in each["nodes"]
        ]

    def overflow(self):
        """Return by how many pixels the page is wider than its window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    def keys(self, *keys):
        """Press keys, one after the other; the focus is seen after each."""
        for key in keys:
            self.page.keyboard.press(key)
            self.check_focus()

    def type(self, text):
        """Type a text where the focus is."""
        self.page.keyboard.type(text)
        self.check_focus()

    def check_focus(self):
        """Assert that something has the focus, and shows it, in the window."""
        until(lambda: self.page.evaluate(FOCUS), lambda fault: fault == "")

    def tab_to(self, locator, key="Tab"):
        """Press Tab until an element has the focus; fail after two hundred."""
        for _ in range(200):
            if locator.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press(key)
            fault = self.page.evaluate(FOCUS)
            # Between the last and the first the browser itself has the focus.
            assert fault in ("", "nowhere"), fault
        raise AssertionError(f"no focus for {locator}")

    def watch_shifts(self):
        """Forget what has moved so far."""
        self.page.evaluate("window.shifts = []")

    def shifts(self):
        """Return what moved by itself, and how far, since the page was asked for."""
        return self.page.evaluate("window.shifts")

    def close(self):
        self.context.close()


def run_now(server, task):
    """Run a task now, as soon as there is a runner, and return the run."""
    reply = until(
        lambda: server.request("POST", f"{T}/{task}/run", body={}),
        lambda reply: reply.status != 503,
    )
    assert reply.status == 200, reply.text
    return reply.json


def ended(server, run):
    """Wait until a run has ended, and return it."""
    return until(
        lambda: server.request("GET", f"/rest/v1/service/svcruns/{run['id']}").json,
        lambda seen: seen["state"] not in ("wanted", "running"),
    )


def hold_back(page, *patterns):
    """Hold requests for addresses back; return the function that lets them go."""
    held = []
    is_open = []

    def hold(route):
        if is_open:
            route.continue_()
        else:
            held.append(route)

    for pattern in patterns:
        page.route(pattern, hold)

    def let_go():
        is_open.append(True)
        for route in held:
            route.continue_()
        held.clear()

    return let_go
