"""Every view of the console in a real browser, with what is hostile in every field."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from chromium import needs_chromium
from console import SCRIPTS, Console, ended, run_now
from playwright.sync_api import expect
from running import Server
from shared import until

pytestmark = needs_chromium

HOSTILE = (
    "<img src=x onerror=alert(1)>\"'&${7*7}{{7*7}}\u202e</script>"
    "<script>alert(1)</script>"
)
NAME = HOSTILE[:64]
MARK = HOSTILE[:28]
KEY = HOSTILE.replace("/", "")

HOSTILE_SCRIPTS = [
    *SCRIPTS,
    {
        "code": HOSTILE,
        "name": HOSTILE,
        "command": ["/usr/bin/env", "python3", "-c", f"print({HOSTILE!r})"],
    },
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with a runner, and with what is hostile wherever a client can write."""
    data = tmp_path_factory.mktemp("hostile") / "data"
    data.mkdir()
    scripts = {str(number): each for number, each in enumerate(HOSTILE_SCRIPTS, 1)}
    (data / "svcscripts.json").write_text(json.dumps({"svcscripts": scripts}))
    server = Server(data, "--runner")
    fill(server)
    yield server
    server.kill()


def fill(server):
    def post(path, body):
        reply = server.request("POST", path, body=body)
        assert reply.status in (200, 201), reply.text
        return reply.json if reply.text else None

    # Its next starts are in days, whatever the day of the test.
    day = (datetime.now(UTC) + timedelta(days=3)).isoweekday()
    hostile = {
        "name": HOSTILE,
        "isenabled": 1,
        "isregular": 1,
        "intervalsec": 3600,
        "svcscriptcode": HOSTILE,
        "sites": [HOSTILE],
        "schedule": "individual",
        "periods": [{"dow": day, "timestart": 545, "timestop": 1080, HOSTILE: HOSTILE}],
        "opts": {"title": HOSTILE, "comment": HOSTILE, HOSTILE: [HOSTILE]},
        "ext": {HOSTILE: {HOSTILE: HOSTILE}, "owner": HOSTILE},
    }
    made = server.request("POST", body=hostile)
    assert made.status == 200, made.text
    attributes = [{"name": NAME, "type": "string", "default": HOSTILE}]
    for level in ("services", "states", "tasks"):
        schema = {"name": "Notes", "type": "multi-valued", "attributes": attributes}
        post(f"/metadata/{level}/extensions", schema)
    service = {
        "service_type": HOSTILE,
        "customer_id": KEY,
        "contact_key": KEY,
        "est_duration": 0,
        "session_id": HOSTILE[:32],
        "Notes": [{NAME: HOSTILE}],
    }
    path = f"/services/{post('/services/start', service)['service_id']}"
    state = post(f"{path}/states/start", {"state_type": HOSTILE})["state_id"]
    task = {"task_type": HOSTILE, "state_id": state, "est_duration": 60}
    post(f"{path}/tasks/start", task)
    finished = {"disposition": HOSTILE, "disposition_desc": HOSTILE}
    post(f"{path}/states/{state}/end", finished)
    post("/services/start", {"service_type": HOSTILE, "contact_key": KEY})
    ended(server, run_now(server, made.json["id"]))


@pytest.fixture(scope="module")
def views(served):
    """The address of every view, its heading, and how often what is hostile is seen."""
    [task] = served.request("GET").json
    [run, *_] = served.request("GET", "/rest/v1/service/svcruns").json
    key = quote(KEY, safe="")
    [service] = served.request("GET", f"/customers/{key}/services").json
    service = service["service_id"]
    return [
        ("#/tasks", "Service tasks", 2),
        ("#/tasks?cols=isenabled,next,last,svcscriptcode,sitemode,id", None, 2),
        ("#/tasks?show=never", "Service tasks", 0),
        ("#/tasks?show=failed", "Service tasks", 0),
        ("#/tasks?q=" + quote(HOSTILE), "Service tasks", 0),
        ("#/tasks/new", "New task", 0),
        (f"#/tasks/{task['id']}", HOSTILE, 2),
        (f"#/tasks/{task['id']}?tab=json", HOSTILE, 1),
        ("#/agenda?hours=168", "Agenda", 2),
        ("#/runs", "Runs", 2),
        (f"#/runs/{run['id']}", re.compile("^Run of "), 2),
        ("#/services", "Services", 0),
        (f"#/services?by=customer&key={key}", "Services", 1),
        (f"#/services?by=contact&key={key}", "Services", 1),
        ("#/services/new", "Start a service", 0),
        (f"#/services/{service}", f"Service {service}", 6),
        (f"#/services/{service}?at=state-1", f"Service {service}", 6),
        ("#/server", "Server", 0),
        ("#/nowhere", "There is no such page", 0),
    ]


@pytest.fixture
def visit(browser, served):
    """The function to the console in a window of its own."""
    made = []

    def visit(*args, **options):
        root = f"http://127.0.0.1:{served.port}"
        made.append(Console(browser, root, *args, **options))
        return made[-1]

    yield visit
    for console in made:
        console.close()


COUNT = """text => {
  const main = document.querySelector("main");
  const fields = [...main.querySelectorAll("input, textarea")].map((each) => each.value);
  return [main.innerText, ...fields].join("\\n").split(text).length - 1;
}"""

MARKUP = "main img, main b > b, main script, header img, dialog img"


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_every_view_is_accessible_and_keeps_to_itself(
    visit, served, views, width, scheme
):
    """In the other scheme, only the colours are others."""
    console = visit(width, scheme, reduced_motion="reduce")
    page = console.page
    other = "dark" if scheme == "light" else "light"
    for view, heading, _ in views:
        console.go(view, heading)
        console.settle()
        assert console.violations() == [], view
        page.emulate_media(color_scheme=other)
        assert console.violations("color-contrast") == [], view
        page.emulate_media(color_scheme=scheme)
        assert console.overflow() <= 0, view
        assert page.locator(MARKUP).count() == 0, view
        sideways = page.evaluate(SIDEWAYS)
        assert width > 600 or sideways == [], view
    elsewhere = [
        each for each in console.requests if not each.startswith(f"{console.root}/")
    ]
    assert (elsewhere, console.complaints) == ([], [])


SIDEWAYS = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .filter((each) => /auto|scroll/.test(getComputedStyle(each).overflowX))
  .filter((each) => !each.matches("pre, textarea, input"))
  .map((each) => each.outerHTML.slice(0, 120))"""
"""What has to be scrolled sideways inside of the page."""


def test_what_is_hostile_is_shown_as_text_in_every_view(visit, views):
    console = visit()
    for view, heading, least in views:
        page = console.go(view, heading)
        console.settle()
        until(lambda: (view, page.evaluate(COUNT, MARK)), lambda seen: seen[1] >= least)
    assert page.locator(MARKUP).count() == 0
    assert console.complaints == []


def test_dialogs_and_messages_show_what_is_hostile_as_text(visit, views):
    console = visit()
    page = console.go("#/tasks", "Service tasks")
    page.get_by_role("checkbox", name="Select all").check()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(MARK)
    assert console.violations() == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("status")).to_contain_text(["1 task disabled."])
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("status")).to_contain_text(["1 task enabled."])
    service = next(view for view, _, _ in views if re.search("services/[0-9]+$", view))
    console.go(service)
    for name in ("Start a state", "Complete the service", "Associate with a customer"):
        page.get_by_role("button", name=name).click()
        expect(dialog.get_by_role("textbox").first).to_be_visible()
        expect(dialog.get_by_role("button", name="Cancel")).to_be_visible()
        console.settle()
        assert console.violations() == [], name
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    assert page.locator(MARKUP).count() == 0
    assert console.complaints == []


@pytest.mark.parametrize("zoom", [1, 2])
def test_no_view_is_wider_than_a_small_window_even_with_large_text(visit, views, zoom):
    console = visit(320)
    page = console.go("#/tasks", "Service tasks")
    page.evaluate(f"document.documentElement.style.fontSize = '{100 * zoom}%'")
    for view, heading, _ in views:
        console.go(view, heading)
        console.settle()
        assert console.overflow() <= 0, view


MOVING = """() => [...document.querySelectorAll("*")].filter((each) => {
  const { transitionDuration, animationName } = getComputedStyle(each);
  return animationName !== "none" || /[1-9]/.test(transitionDuration);
}).map((each) => each.outerHTML.slice(0, 120))"""

UNSEEN = """() => [...document.querySelectorAll("button, .button, input, select, .badge")]
  .filter((each) => each.getClientRects().length)
  .filter((each) => !each.matches("[type=checkbox], [type=radio], .quiet, .sort"))
  .filter((each) => getComputedStyle(each).borderTopWidth === "0px")
  .map((each) => each.outerHTML.slice(0, 120))"""
"""Controls and badges that nothing but a background would show."""


def test_every_view_heeds_forced_colours_and_reduced_motion(visit, views):
    console = visit(forced_colors="active", reduced_motion="reduce")
    for view, heading, _ in views:
        page = console.go(view, heading)
        console.settle()
        assert page.evaluate(MOVING) == [], view
        assert page.evaluate(UNSEEN) == [], view
        assert console.violations() == [], view


LONGEST = 15_000
"""Milliseconds after which each view that asks again has done so."""

DRAWN = """() => new Promise((resolve) => {
  requestAnimationFrame(() => requestAnimationFrame(resolve));
})"""


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_while_a_view_is_loaded_and_asked_for_again(visit, views, width):
    """The clock of the page is put forward, so that it asks again at once."""
    console = visit(width)
    console.page.clock.install()
    for view, heading, _ in views:
        console.page.goto("about:blank")
        page = console.go(view, heading)
        console.settle()
        # Some views ask for nothing.
        if "nowhere" not in view and view != "#/services" and "new" not in view:
            with page.expect_response("**"):
                page.clock.fast_forward(LONGEST)
            page.evaluate(DRAWN)
        assert console.shifts() == [], view


def test_nothing_moves_when_starts_come_nearer_and_services_get_older(visit, views):
    """What says how far away a moment is gets longer and shorter."""
    units = set()
    for view, heading, _ in views:
        if "agenda" in view or "by=" in view:
            console = visit()
            page = console.page
            page.clock.install()
            console.go(view, heading)
            console.settle()
            away = page.locator("tbody .away")
            for minutes in (1, 10, 50, 540, 1000, 500):
                page.clock.fast_forward(minutes * 60_000)
                page.evaluate(DRAWN)
                texts = away.all_inner_texts()
                assert console.shifts() == [], (view, texts)
                units.update(re.findall("minutes?|hours?|days?", " ".join(texts)))
    assert units >= {"minutes", "hour", "hours", "days"}
