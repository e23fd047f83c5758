"""The console in a real browser: a visit, with all that it asked for and complained of."""

from axe_playwright_python.sync_playwright import Axe
from shared import PATIENCE, T, until

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

SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) {
      if (!each.hadRecentInput) window.shifts += each.value;
    }
  }).observe({ type: "layout-shift", buffered: false });
}"""


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
        self.requests = []
        self.complaints = []
        page = self.page
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, view, heading=None):
        """Show the view at an address after ``#``, and wait for its heading."""
        if self.page.url.startswith(self.root):
            self.page.evaluate("view => { location.hash = view; }", view)
        else:
            self.page.goto(f"{self.root}/console{view}")
        if heading:
            self.page.get_by_role("heading", level=1, name=heading).wait_for()
        return self.page

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
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, locator, key="Tab"):
        """Press Tab until an element has the focus; fail after two hundred."""
        for _ in range(200):
            if locator.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"no focus for {locator}")

    def watch_shifts(self):
        """Begin to add up what moves by itself."""
        self.page.evaluate(SHIFTS)

    def shifts(self):
        """Return how far things moved by themselves since they were watched."""
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
