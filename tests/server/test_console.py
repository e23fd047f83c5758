"""The console in a real browser: every view, and the journeys of people, by keyboard."""

import json
import re
from urllib.parse import quote

import pytest
from chromium import launched, needs_chromium
from console import Console, ended, run_now
from playwright.sync_api import expect
from running import Server
from shared import PATIENCE, T, until

pytestmark = needs_chromium

expect.set_options(timeout=PATIENCE * 1000)

HOSTILE = (
    "<img src=x onerror=alert(1)>\"'&${7*7}{{7*7}}\u202e</script>"
    "<script>alert(1)</script>"
)

SCRIPTS = [
    {
        "code": "talk",
        "name": "Talks",
        "command": ["/bin/sh", "-c", "echo one; echo '<b>two</b>'"],
    },
    {"code": "wait", "command": ["/bin/sh", "-c", "echo begun; sleep 600"]},
]


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with a runner, two scripts, and what is hostile in every field."""
    data = tmp_path_factory.mktemp("console") / "data"
    data.mkdir()
    scripts = {str(number): each for number, each in enumerate(SCRIPTS, 1)}
    (data / "svcscripts.json").write_text(json.dumps({"svcscripts": scripts}))
    server = Server(data, "--runner")
    fill(server)
    yield server
    server.kill()


def fill(server):
    hostile = {
        "name": HOSTILE,
        "isenabled": 1,
        "isregular": 1,
        "intervalsec": 3600,
        "svcscriptcode": HOSTILE,
        "sites": [HOSTILE],
        "schedule": "individual",
        "periods": [{"dow": 1, "timestart": 545, "timestop": 1080, HOSTILE: HOSTILE}],
        "opts": {"title": HOSTILE, "comment": HOSTILE, HOSTILE: [HOSTILE]},
        "ext": {HOSTILE: {HOSTILE: HOSTILE}, "owner": HOSTILE},
    }
    assert server.request("POST", body=hostile).status == 200
    schema = {
        "name": "Notes",
        "type": "multi-valued",
        "attributes": [{"name": HOSTILE[:64], "type": "string"}],
    }
    made = server.request("POST", "/metadata/services/extensions", body=schema)
    assert made.status == 201, made.text
    service = {
        "service_type": HOSTILE,
        "contact_key": HOSTILE.replace("/", ""),
        "est_duration": 0,
        "session_id": HOSTILE[:32],
        "Notes": [{HOSTILE[:64]: HOSTILE}],
    }
    begun = server.request("POST", "/services/start", body=service)
    assert begun.status == 201, begun.text
    path = f"/services/{begun.json['service_id']}"
    state = {"state_type": HOSTILE}
    state = server.request("POST", f"{path}/states/start", body=state).json["state_id"]
    task = {"task_type": HOSTILE, "state_id": state, "est_duration": 60}
    server.request("POST", f"{path}/tasks/start", body=task)
    finished = {"disposition": HOSTILE, "disposition_desc": HOSTILE}
    server.request("POST", f"{path}/states/{state}/end", body=finished)
    talking = {"name": HOSTILE, "svcscriptcode": "talk"}
    ended(server, run_now(server, server.request("POST", body=talking).json["id"]))


@pytest.fixture
def root(served):
    return f"http://127.0.0.1:{served.port}"


@pytest.fixture
def console(browser, root):
    console = Console(browser, root)
    yield console
    console.close()


@pytest.fixture
def task(served):
    """The function that makes a task and returns it."""

    def make(**fields):
        reply = served.request("POST", body={"name": "a task", **fields})
        assert reply.status == 200, reply.text
        return reply.json

    return make


def hostile_of(served):
    listed = served.request("GET").json
    found = next(each["id"] for each in listed if each["name"] == HOSTILE)
    contact = HOSTILE.replace("/", "")
    path = f"/services/anonymous/{quote(contact, safe='')}"
    service = served.request("GET", path).json[0]["service_id"]
    return found, service, quote(contact, safe="")


def views(served):
    """Return the address and the heading of every view, and of each that is hostile."""
    found, service, contact = hostile_of(served)
    runs = served.request("GET", "/rest/v1/service/svcruns").json
    [talked, *_] = [run for run in runs if run["state"] == "succeeded"]
    return [
        ("#/tasks", "Service tasks"),
        ("#/tasks/new", "New task"),
        (f"#/tasks/{found}", HOSTILE),
        (f"#/tasks/{found}?tab=json", HOSTILE),
        ("#/agenda?hours=168", "Agenda"),
        ("#/runs", "Runs"),
        (f"#/runs/{talked['id']}", re.compile("^Run of ")),
        ("#/services", "Services"),
        (f"#/services?by=contact&key={contact}", "Services"),
        ("#/services/new", "Start a service"),
        (f"#/services/{service}", f"Service {service}"),
        ("#/server", "Server"),
        ("#/nowhere", "There is no such page"),
    ]


def settle(console):
    """Wait until a view has what it asked for."""
    console.page.wait_for_load_state("networkidle")
    expect(console.page.locator("[aria-busy=true]")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_every_view_is_accessible_and_keeps_to_itself(
    browser, root, served, width, scheme
):
    """In the other scheme, only the colours are others."""
    console = Console(browser, root, width, scheme, reduced_motion="reduce")
    dialogs = []
    console.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    other = "dark" if scheme == "light" else "light"
    try:
        for view, heading in views(served):
            console.go(view, heading)
            settle(console)
            assert console.violations() == [], view
            console.page.emulate_media(color_scheme=other)
            assert console.violations("color-contrast") == [], view
            console.page.emulate_media(color_scheme=scheme)
            assert console.overflow() <= 0, view
            markup = console.page.locator("main img, main b > b, main script")
            assert markup.count() == 0
        elsewhere = [
            each for each in console.requests if not each.startswith(f"{root}/")
        ]
        assert (elsewhere, console.complaints, dialogs) == ([], [], [])
    finally:
        console.close()


@pytest.mark.parametrize("zoom", [1, 2])
def test_no_view_is_wider_than_a_small_window_even_with_large_text(
    browser, root, served, zoom
):
    console = Console(browser, root, 320)
    try:
        for view, heading in views(served):
            console.go(view, heading)
            settle(console)
            size = f"document.documentElement.style.fontSize = '{100 * zoom}%'"
            console.page.evaluate(size)
            assert console.overflow() <= 0, view
    finally:
        console.close()


def test_what_is_hostile_is_shown_as_text(console, served):
    found, service, _ = hostile_of(served)
    page = console.go("#/tasks", "Service tasks")
    expect(page.get_by_role("link", name=HOSTILE, exact=True).first).to_be_visible()
    console.go(f"#/tasks/{found}", HOSTILE)
    for label in ("Title", "Comment"):
        expect(page.get_by_label(label, exact=False).first).to_be_visible()
    assert page.locator("[data-field=svcscriptcode] input").input_value() == HOSTILE
    console.go(f"#/services/{service}", f"Service {service}")
    expect(page.get_by_text(f"Type {HOSTILE}").first).to_be_visible()
    assert console.complaints == []


# Tasks


def test_a_task_is_made_changed_and_deleted_by_keyboard_alone(console, served):
    page = console.go("#/tasks", "Service tasks")
    settle(console)
    console.keys("n")
    page.get_by_role("heading", name="New task").wait_for()
    name = page.locator("[data-field=name] input")
    console.tab_to(name)
    page.keyboard.type("By keyboard")
    console.tab_to(page.get_by_role("switch", name="Enabled"))
    console.keys("Space")
    script = page.locator("[data-field=svcscriptcode] input")
    console.tab_to(script)
    page.keyboard.type("talk")
    console.tab_to(page.get_by_role("switch", name="Regular"))
    console.keys("Space")
    console.tab_to(page.locator("[data-field=intervalsec] input"))
    console.keys("Control+a")
    page.keyboard.type("3600")
    expect(page.get_by_text("3600 s = 1 h")).to_be_visible()
    # The next starts are there before the task is.
    expect(page.locator(".starts li")).to_have_count(10)
    console.tab_to(page.get_by_role("button", name="Make the task"), "Shift+Tab")
    console.keys("Enter")
    page.get_by_role("heading", name="By keyboard").wait_for()
    [made] = of_name(served, "By keyboard")
    assert (made["isenabled"], made["intervalsec"], made["svcscriptcode"]) == (
        1,
        3600,
        "talk",
    )
    console.tab_to(page.locator("[data-field=name] input"))
    console.keys("End")
    page.keyboard.type("!")
    console.keys("Enter")
    page.get_by_role("heading", name="By keyboard!").wait_for()
    console.tab_to(page.get_by_role("button", name="Delete"), "Shift+Tab")
    console.keys("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    console.tab_to(dialog.get_by_role("button", name="Delete"), "Shift+Tab")
    console.keys("Enter")
    page.get_by_role("heading", name="Service tasks").wait_for()
    assert of_name(served, "By keyboard!") == []
    assert console.complaints == []


def test_rows_are_walked_opened_and_switched_by_single_keys(console, served, task):
    made = [task(name=f"Walked {number}") for number in range(3)]
    page = console.go("#/tasks?q=walked&order=name", "Service tasks")
    expect(page.locator("tbody tr")).to_have_count(3)
    console.keys("j", "j", "j", "k")
    expect(page.get_by_role("link", name="Walked 1")).to_be_focused()
    console.keys("e")
    expect(page.get_by_role("row", name="Walked 1")).to_contain_text("enabled")
    expect(page.get_by_role("status")).to_contain_text(["1 task enabled."])
    assert served.request("GET", f"{T}/{made[1]['id']}").json["isenabled"] == 1
    console.keys("Enter")
    # A screen reader begins with what is new.
    expect(page.get_by_role("heading", level=1, name="Walked 1")).to_be_focused()
    expect(page).to_have_title("Walked 1 · svctasks")


def of_name(served, name):
    return [each for each in served.request("GET").json if each["name"] == name]


def test_the_faults_that_the_server_finds_are_at_their_fields(console):
    page = console.go("#/tasks/new", "New task")
    page.get_by_role("button", name="Make the task").click()
    name = page.locator("[data-field=name] input")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(
        re.compile("must not be empty|is required")
    )
    page.keyboard.type("x")
    expect(name).not_to_have_attribute("aria-invalid", "true")


def test_a_search_writes_a_filter_into_the_address_and_shows_it(console, task):
    one, other = task(name="Searched one", isenabled=1), task(name="Searched two")
    page = console.go("#/tasks", "Service tasks")
    settle(console)
    console.keys("/")
    page.keyboard.type("searched is:disabled")
    expect(page.get_by_role("link", name=other["name"])).to_be_visible()
    expect(page.get_by_role("link", name=one["name"])).to_have_count(0)
    shown = page.locator(".filter code").inner_text()
    assert json.loads(shown) == {"name": {"$contains": "searched"}, "isenabled": 0}
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("searched is:disabled")
    expect(page.get_by_role("link", name=other["name"])).to_be_visible()
    page.get_by_role("searchbox").fill('{"nme": 1}')
    expect(page.locator(".filter .fault")).to_contain_text("nme")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("link", name=one["name"])).to_be_visible()


def test_rows_are_selected_and_changed_together(console, served, task):
    made = [task(name=f"Together {number}") for number in range(3)]
    page = console.go("#/tasks?q=together", "Service tasks")
    page.get_by_role("checkbox", name="Select all rows of this page").check()
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("status")).to_contain_text(["3 tasks enabled."])
    assert all(
        served.request("GET", f"{T}/{each['id']}").json["isenabled"] for each in made
    )
    expect(page.get_by_text("3 tasks selected")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No task is like that.")).to_be_visible()
    assert of_name(served, "Together 0") == []


def test_the_table_is_sorted_and_paged_by_the_server(console, task):
    for number in range(30):
        task(name=f"Page {number:02}", intervalsec=number)
    page = console.go("#/tasks?q=page&order=-name", "Service tasks")
    first = page.locator("tbody th").first
    expect(first).to_have_text("Page 29")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("button", name="Next", exact=True).click()
    expect(first).to_have_text("Page 04")
    page.get_by_role("button", name="Every").click()
    expect(first).to_have_text("Page 00")
    page.go_back()
    expect(first).to_have_text("Page 04")


def test_what_is_typed_stays_while_the_page_asks_again(console, served, task):
    made = task(name="Polled")
    page = console.go(f"#/tasks/{made['id']}", "Polled")
    settle(console)
    title = page.locator("[data-field=title] input")
    title.fill("half a sent")
    title.evaluate("element => element.setSelectionRange(4, 4)")
    console.watch_shifts()
    seen = len(console.requests)
    until(lambda: page.wait_for_timeout(200) or len(console.requests) - seen > 8)
    served.request("PATCH", f"{T}/{made['id']}", body={"intervalsec": 5})
    page.get_by_text("Somebody else changed this task meanwhile").wait_for()
    expect(title).to_be_focused()
    assert title.evaluate("element => element.selectionStart") == 4
    assert title.input_value() == "half a sent"


def test_nothing_moves_by_itself(console, served, task):
    made = task(name="Still", isenabled=1, isregular=1, intervalsec=3600)
    page = console.go("#/tasks?q=still", "Service tasks")
    settle(console)
    console.watch_shifts()
    served.request("PATCH", f"{T}/{made['id']}", body={"isenabled": 0})
    expect(page.locator("tbody .badge")).to_have_text("disabled")
    assert console.shifts() == 0


def test_three_columns_show_what_two_people_changed(console, served, task):
    made = task(name="Both", intervalsec=1, ext={"owner": "ops"})
    page = console.go(f"#/tasks/{made['id']}", "Both")
    settle(console)
    page.locator("[data-field=name] input").fill("Mine")
    page.locator("[data-field=title] input").fill("My title")
    path = f"{T}/{made['id']}"
    theirs = {"name": "Theirs", "intervalsec": 60, "ext": {"owner": "dev"}}
    assert served.request("PATCH", path, body=theirs).status == 200
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Somebody else changed this task")
    row = dialog.get_by_role("row").filter(has_text="both changed")
    expect(row).to_contain_text("Both Theirs Mine")
    row.get_by_role("radio", name="theirs for name: Theirs").check()
    assert console.violations() == []
    dialog.get_by_role("button", name="Save what is chosen").click()
    page.get_by_role("heading", name="Theirs").wait_for()
    now = until(
        lambda: served.request("GET", path).json, lambda seen: seen["opts"]["title"]
    )
    assert now["name"] == "Theirs" and now["opts"]["title"] == "My title"
    assert (now["intervalsec"], now["ext"]["owner"]) == (60, "dev")


def test_form_and_json_are_of_one_draft_and_what_they_do_not_know_stays(
    console, served, task
):
    big = 9007199254740993
    made = task(name="Draft", ext={"k": {"big": big}}, opts={"own": [1]})
    page = console.go(f"#/tasks/{made['id']}", "Draft")
    page.locator("[data-field=title] input").fill("t")
    page.get_by_role("button", name="JSON", exact=True).click()
    raw = page.get_by_label("The task in JSON")
    draft = json.loads(raw.input_value())
    assert (draft["opts"]["title"], draft["ext"]["k"]["big"]) == ("t", big)
    raw.fill(raw.input_value().replace('"t"', '"u",'))
    expect(page.locator("#raw-fault")).to_contain_text(
        re.compile("^line [0-9]+, column")
    )
    draft["opts"]["title"] = "u"
    raw.fill(json.dumps(draft))
    page.get_by_role("button", name="Form").click()
    expect(page.locator("[data-field=title] input")).to_have_value("u")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text(["Saved."])
    now = served.request("GET", f"{T}/{made['id']}").json
    assert now["opts"] == {"title": "u", "comment": "", "own": [1]}
    assert now["ext"]["k"] == {"big": big}


def test_the_week_is_drawn_by_keyboard_and_keeps_exact_minutes(console, served, task):
    periods = [{"dow": 1, "timestart": 545, "timestop": 600, "note": "x"}]
    made = task(name="Week", schedule="individual", periods=periods)
    page = console.go(f"#/tasks/{made['id']}", "Week")
    cell = page.get_by_role("gridcell", name="Monday 09:00 partly on")
    console.tab_to(cell)
    console.keys("ArrowDown", "Space", "Shift+ArrowRight", "Shift+ArrowRight")
    expect(page.get_by_role("textbox", name="End of period 2")).to_have_value("10:30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text(["Saved."])
    now = served.request("GET", f"{T}/{made['id']}").json["periods"]
    assert now == [*periods, {"dow": 2, "timestart": 540, "timestop": 630}]


# Runs


def test_a_task_is_run_its_output_is_seen_and_it_runs_again(console, task):
    made = task(name="Talker", svcscriptcode="talk")
    page = console.go(f"#/tasks/{made['id']}", "Talker")
    console.tab_to(page.get_by_role("button", name="Run now"))
    console.keys("Enter")
    page.get_by_role("heading", name="Run of Talker").wait_for()
    expect(page.locator(".title .badge").first).to_contain_text("succeeded")
    expect(page.get_by_role("log")).to_have_text("one\n<b>two</b>\n")
    first = page.url
    console.tab_to(page.get_by_role("button", name="Run again"))
    console.keys("Enter")
    page.wait_for_url(lambda url: url != first)
    expect(page.locator(".title .badge").first).to_contain_text("succeeded")


def test_output_is_seen_while_it_runs_and_the_run_is_stopped(console, task):
    made = task(name="Waiter", svcscriptcode="wait")
    page = console.go(f"#/tasks/{made['id']}", "Waiter")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("log")).to_have_text("begun\n")
    expect(page.locator(".title .badge").first).to_contain_text("running")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".title .badge").first).to_contain_text("stopped")


def test_the_agenda_has_what_starts_and_leads_to_its_task(console, task):
    task(
        name="Every quarter",
        isenabled=1,
        isregular=1,
        intervalsec=900,
        svcscriptcode="talk",
    )
    page = console.go("#/agenda?hours=1", "Agenda")
    row = page.get_by_role("row").filter(has_text="Every quarter")
    expect(row).to_have_count(4)
    line = page.locator("svg").get_by_role(
        "link", name=re.compile("^Every quarter: 4 starts")
    )
    console.tab_to(line)
    console.keys("Enter")
    page.get_by_role("heading", name="Every quarter").wait_for()


# Services


def test_a_service_is_started_moved_and_completed_by_keyboard_alone(console, served):
    page = console.go("#/services", "Services")
    console.keys("n")
    page.get_by_role("heading", name="Start a service").wait_for()
    console.tab_to(page.locator("[data-field=service_type] input"))
    page.keyboard.type("100")
    console.tab_to(page.locator("[data-field=contact_key] input"))
    page.keyboard.type("555-0100")
    console.keys("Enter")
    heading = page.get_by_role("heading", level=1, name=re.compile("^Service [0-9]+"))
    heading.wait_for()
    id_ = heading.inner_text().split()[1]
    console.tab_to(page.get_by_role("button", name="Start a state"))
    console.keys("Enter")
    state_type = page.get_by_role("dialog").locator("[data-field=state_type] input")
    console.tab_to(state_type)
    page.keyboard.type("first")
    console.keys("Enter")
    lines = page.get_by_role("group", name="Time line of the service")
    first = lines.get_by_role("link", name=re.compile("type first"))
    first.wait_for()
    console.tab_to(first)
    console.keys("Enter")
    console.tab_to(page.get_by_role("button", name="Go on to the next state"))
    console.keys("Enter")
    console.tab_to(state_type)
    page.keyboard.type("second")
    console.keys("Enter")
    lines.get_by_role("link", name=re.compile("type second")).wait_for()
    expect(
        lines.get_by_role("link", name=re.compile("type first.*completed"))
    ).to_be_visible()
    # The same as a table; and by keys the time line is zoomed.
    expect(page.get_by_role("row").filter(has_text="second")).to_have_count(1)
    console.tab_to(first, "Shift+Tab")
    console.keys("+", "ArrowLeft", "0")
    console.tab_to(
        lines.get_by_role("link", name=re.compile(f"^service {id_}")), "Shift+Tab"
    )
    console.keys("Enter")
    console.tab_to(page.get_by_role("button", name="Complete the service"))
    console.keys("Enter")
    dialog = page.get_by_role("dialog", name="Complete the service")
    console.tab_to(dialog.locator("[data-field=disposition] input"))
    page.keyboard.type("5")
    console.keys("Enter")
    expect(page.locator(".title .badge")).to_have_text("completed")
    path = f"/services/{id_}?active_states=true&completed_states=true"
    seen = served.request("GET", path).json
    assert seen["disposition"] == 5 and "completed" in seen
    assert [each["state_type"] for each in seen["active_states"]] == ["second"]
    assert console.complaints == []


def test_services_are_found_by_id_customer_and_contact_key(console, served):
    given = {"service_type": 1, "customer_id": "c/1", "contact_key": "k1"}
    refused = console.go("#/services?by=customer&key=c%2F1", "Services")
    expect(refused.get_by_role("alert").filter(has_text="slash")).to_be_visible()
    given["customer_id"] = "c 1"
    id_ = served.request("POST", "/services/start", body=given).json["service_id"]
    page = console.go("#/services", "Services")
    page.get_by_role("radio", name="Customer").check()
    page.get_by_role("searchbox").fill("c 1")
    console.keys("Enter")
    page.get_by_role("link", name=str(id_)).click()
    page.get_by_role("heading", level=1, name=f"Service {id_}").wait_for()
    page.get_by_role("button", name="Associate with a customer").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[data-field=customer_id] input").fill("c2")
    dialog.get_by_role("button", name="Associate").click()
    expect(page.get_by_role("link", name="c2")).to_be_visible()


def test_extension_values_are_written_from_the_page(console, served):
    _, id_, _ = hostile_of(served)
    page = console.go(f"#/services/{id_}", f"Service {id_}")
    value = page.get_by_label("Extension Notes")
    expect(value).to_have_value(re.compile("onerror"))
    value.fill("[")
    expect(page.get_by_role("button", name="Write Notes")).to_be_disabled()
    value.fill("[]")
    page.get_by_role("button", name="Write Notes").click()
    expect(page.get_by_role("status")).to_contain_text(["Wrote Notes."])
    path = f"/services/{id_}?extensions=Notes"
    assert served.request("GET", path).json.get("Notes", []) == []
    written = [{HOSTILE[:64]: HOSTILE}]
    served.request("PUT", f"/services/{id_}/extensions/Notes", body=written)


# The server


def test_the_mode_is_changed_from_the_page(console, served):
    page = console.go("#/server", "Server")
    for mode in ("maintenance", "production"):
        page.get_by_role("button", name=f"Put it into {mode}").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name=f"Put it into {mode}").click()
        until(lambda: served.request("GET", "/server/status").json["mode"], mode.__eq__)
    expect(page.get_by_text("Nobody needs a token here")).to_be_visible()


def test_times_are_shown_in_the_zone_that_is_chosen(browser, root, task):
    made = task(name="Zoned", dtstart="2026-01-01T12:00:00Z")
    console = Console(browser, root, timezone_id="Asia/Tokyo")
    try:
        page = console.go(f"#/tasks/{made['id']}", "Zoned")
        field = page.locator("[data-field=dtstart] input")
        expect(field).to_have_value("2026-01-01T12:00")
        page.get_by_label("Times in").select_option("browser")
        expect(field).to_have_value("2026-01-01T21:00")
        page.reload()
        expect(field).to_have_value("2026-01-01T21:00")
    finally:
        console.close()


def test_shortcuts_can_be_switched_off(console):
    page = console.go("#/tasks", "Service tasks")
    console.keys("?")
    dialog = page.get_by_role("dialog", name="Shortcuts")
    dialog.get_by_role("switch", name="Shortcuts of one key").uncheck()
    console.keys("Escape", "n", "?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Service tasks")


@pytest.mark.parametrize(
    "media", [{"forced_colors": "active"}, {"reduced_motion": "reduce"}]
)
def test_forced_colours_and_reduced_motion_are_heeded(browser, root, media):
    console = Console(browser, root, **media)
    try:
        page = console.go("#/tasks/new", "New task")
        button = page.get_by_role("button", name="Make the task")
        style = button.evaluate("element => ({ ...getComputedStyle(element) })")
        width, duration = style["borderTopWidth"], style["transitionDuration"]
        assert width != "0px"
        if "reduced_motion" in media:
            assert duration == "0s"
    finally:
        console.close()
