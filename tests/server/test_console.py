"""The console in a real browser: what people do with tasks, runs and the server."""

import json
import re

from chromium import needs_chromium
from console import Console, ended, run_now
from playwright.sync_api import expect
from shared import T, until

pytestmark = needs_chromium

# Tasks


def test_a_task_is_made_changed_and_deleted_by_keyboard_alone(console, served):
    page = console.go("#/tasks", "Service tasks")
    console.settle()
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


def of_name(served, name):
    return [each for each in served.request("GET").json if each["name"] == name]


def test_what_is_typed_stays_while_the_page_asks_again(console, served, task):
    made = task(name="Polled")
    page = console.go(f"#/tasks/{made['id']}", "Polled")
    console.settle()
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


def test_the_faults_that_the_server_finds_are_at_their_fields(console):
    page = console.go("#/tasks/new", "New task")
    console.tab_to(page.get_by_role("button", name="Make the task"))
    console.keys("Enter")
    name = page.locator("[data-field=name] input")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(
        re.compile("must not be empty|is required")
    )
    console.type("x")
    expect(name).not_to_have_attribute("aria-invalid", "true")


def test_a_search_writes_a_filter_into_the_address_and_shows_it(console, task):
    one, other = task(name="Searched one", isenabled=1), task(name="Searched two")
    page = console.go("#/tasks", "Service tasks")
    console.settle()
    console.keys("/")
    console.type("searched is:disabled")
    expect(page.get_by_role("link", name=other["name"])).to_be_visible()
    expect(page.get_by_role("link", name=one["name"])).to_have_count(0)
    shown = page.locator(".filter code").inner_text()
    assert json.loads(shown) == {"name": {"$contains": "searched"}, "isenabled": 0}
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("searched is:disabled")
    expect(page.get_by_role("link", name=other["name"])).to_be_visible()
    console.keys("/", "Control+a")
    console.type('{"nme": 1}')
    expect(page.locator(".filter .fault")).to_contain_text("nme")
    expect(page.get_by_text("The search has a fault.")).to_be_visible()
    console.keys("Tab", "Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("link", name=one["name"])).to_be_visible()


def test_rows_are_selected_and_changed_together_by_keyboard_alone(
    console, served, task
):
    made = [task(name=f"Together {number}") for number in range(3)]
    page = console.go("#/tasks?q=together", "Service tasks")
    every = page.get_by_role("checkbox", name="Select all rows of this page")
    console.tab_to(every)
    console.keys("Space")
    enable = page.get_by_role("button", name="Enable")
    console.tab_to(enable, "Shift+Tab")
    console.keys("Enter")
    expect(page.get_by_role("status")).to_contain_text(["3 tasks enabled."])
    expect(enable).to_be_focused()
    assert all(
        served.request("GET", f"{T}/{each['id']}").json["isenabled"] for each in made
    )
    expect(page.get_by_text("3 tasks selected")).to_be_visible()
    delete = page.get_by_role("button", name="Delete")
    console.tab_to(delete)
    console.keys("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    console.keys("Escape")
    expect(dialog).to_have_count(0)
    expect(delete).to_be_focused()
    console.keys("Enter", "Shift+Tab", "Enter")
    expect(page.get_by_text("No task is like that.")).to_be_visible()
    expect(delete).to_be_focused()
    assert of_name(served, "Together 0") == []
    assert console.complaints == []


def test_rows_that_others_changed_meanwhile_are_named_and_left_alone(
    console, served, task
):
    made = [task(name=f"Many {number}") for number in range(3)]
    page = console.go("#/tasks?q=many&order=name", "Service tasks")
    expect(page.locator("tbody tr")).to_have_count(3)
    console.settle()
    page.get_by_role("checkbox", name="Select all rows of this page").check()
    # The page does not learn any more what others do.
    page.route("**/svctasks?*", lambda route: route.abort())
    path = f"{T}/{made[1]['id']}"
    served.request("PATCH", path, body={"name": "Many 1 of theirs"})
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    said = page.get_by_role("alert").filter(has_text="2 tasks deleted, 1 not")
    expect(said).to_contain_text("somebody else changed “Many 1” meanwhile")
    left = [served.request("GET", f"{T}/{each['id']}").status for each in made]
    assert left == [404, 200, 404]


def test_the_table_is_sorted_and_paged_by_the_server(console, task):
    for number in range(30):
        task(name=f"Page {number:02}", intervalsec=number)
    page = console.go("#/tasks?q=page&order=-name", "Service tasks")
    first = page.locator("tbody th").first
    expect(first).to_have_text("Page 29")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute(
        "aria-sort", "descending"
    )
    following = page.get_by_role("button", name="Next", exact=True)
    console.tab_to(following)
    console.keys("Enter")
    expect(first).to_have_text("Page 04")
    # It has nothing more to do, and is where one still is.
    expect(following).to_be_disabled()
    expect(following).to_be_focused()
    console.tab_to(page.get_by_role("button", name="Every"), "Shift+Tab")
    console.keys("Enter")
    expect(first).to_have_text("Page 00")
    page.go_back()
    expect(first).to_have_text("Page 04")


def test_columns_are_chosen_in_a_menu_that_escape_closes(console, task):
    task(name="Column")
    page = console.go("#/tasks?q=column", "Service tasks")
    summary = page.locator("summary", has_text="Columns")
    console.tab_to(summary)
    console.keys("Enter")
    changed = page.get_by_role("checkbox", name="Changed")
    console.tab_to(changed)
    console.keys("Space")
    expect(page.get_by_role("columnheader", name="Changed")).to_be_visible()
    expect(changed).to_be_focused()
    console.keys("Escape")
    expect(changed).to_be_hidden()
    expect(summary).to_be_focused()


def test_three_columns_show_what_two_people_changed(console, served, task):
    made = task(name="Both", intervalsec=1, ext={"owner": "ops"})
    page = console.go(f"#/tasks/{made['id']}", "Both")
    console.settle()
    name = page.locator("[data-field=name] input")
    console.tab_to(name)
    console.keys("Control+a")
    console.type("Mine")
    console.tab_to(page.locator("[data-field=title] input"))
    console.type("My title")
    path = f"{T}/{made['id']}"
    theirs = {"name": "Theirs", "intervalsec": 60, "ext": {"owner": "dev"}}
    assert served.request("PATCH", path, body=theirs).status == 200
    save = page.get_by_role("button", name="Save", exact=True)
    console.tab_to(save, "Shift+Tab")
    console.keys("Enter")
    dialog = page.get_by_role("dialog", name="Somebody else changed this task")
    row = dialog.get_by_role("row").filter(has_text="both changed")
    expect(row).to_contain_text(re.compile("Both.*Theirs.*Mine"))
    assert console.violations() == []
    console.keys("Escape")
    expect(dialog).to_have_count(0)
    expect(save).to_be_focused()
    expect(name).to_have_value("Mine")
    console.keys("Enter")
    console.tab_to(row.get_by_role("radio", name="yours for name: Mine"))
    console.keys("ArrowLeft")
    expect(row.get_by_role("radio", name="theirs for name: Theirs")).to_be_checked()
    console.tab_to(dialog.get_by_role("button", name="Save what is chosen"))
    console.keys("Enter")
    page.get_by_role("heading", name="Theirs").wait_for()
    expect(save).to_be_focused()
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
    console.tab_to(page.locator("[data-field=title] input"))
    console.type("t")
    console.tab_to(page.get_by_role("button", name="JSON", exact=True), "Shift+Tab")
    console.keys("Enter", "Tab")
    raw = page.get_by_label("The task in JSON")
    expect(raw).to_be_focused()
    draft = json.loads(raw.input_value())
    assert (draft["opts"]["title"], draft["ext"]["k"]["big"]) == ("t", big)
    console.keys("Control+End")
    console.type("]")
    expect(page.locator("#raw-fault")).to_contain_text(
        re.compile("^line [0-9]+, column")
    )
    console.keys("Control+a")
    draft["opts"]["title"] = "u"
    page.keyboard.insert_text(json.dumps(draft))
    console.tab_to(page.get_by_role("button", name="Form"), "Shift+Tab")
    console.keys("Enter")
    expect(page.locator("[data-field=title] input")).to_have_value("u")
    console.tab_to(page.get_by_role("button", name="Save"), "Shift+Tab")
    console.keys("Enter")
    expect(page.get_by_role("status")).to_contain_text(["Saved."])
    expect(page.get_by_role("button", name="Save")).to_be_focused()
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
    # The list is the same for who sees no grid; what has the focus may go.
    console.tab_to(page.get_by_role("button", name="Add a period"))
    console.keys("Enter")
    console.tab_to(page.get_by_role("textbox", name="Begin of period 3"), "Shift+Tab")
    console.keys("Control+a")
    console.type("8:15")
    console.tab_to(page.get_by_role("button", name="Remove period 3"))
    console.keys("Enter")
    expect(page.get_by_role("button", name="Add a period")).to_be_focused()
    console.tab_to(page.get_by_role("button", name="Save"), "Shift+Tab")
    console.keys("Enter")
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
    console.tab_to(page.get_by_role("button", name="Run now"))
    console.keys("Enter")
    expect(page.get_by_role("log")).to_have_text("begun\n")
    badge = page.locator(".title .badge").first
    expect(badge).to_contain_text("running")
    stop = page.get_by_role("button", name="Stop")
    console.tab_to(stop)
    console.keys("Enter")
    expect(badge).to_contain_text("stopped")
    expect(stop).to_be_focused()


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


# The server


def test_the_mode_is_changed_from_the_page(console, served):
    page = console.go("#/server", "Server")
    for mode in ("maintenance", "production"):
        button = page.get_by_role("button", name=f"Put it into {mode}")
        console.tab_to(button)
        console.keys("Enter")
        dialog = page.get_by_role("dialog")
        console.keys("Escape")
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()
        console.keys("Enter", "Shift+Tab", "Enter")
        until(lambda: served.request("GET", "/server/status").json["mode"], mode.__eq__)
        expect(button).to_have_count(0)
        console.check_focus()
    expect(page.get_by_text("Nobody needs a token here")).to_be_visible()


ESCAPED = """async () => {
  const given = { key: "Escape", bubbles: true, cancelable: true };
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", given));
  // What follows at once is done before anything that waits.
  await null;
  await null;
  return !document.querySelector("dialog");
}"""


def test_a_dialog_is_gone_before_the_key_after_escape_is_read(console):
    page = console.go("#/server", "Server")
    button = page.get_by_role("button", name="Put it into maintenance")
    dialog = page.get_by_role("dialog")
    for _ in range(2):
        console.tab_to(button)
        console.keys("Enter")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        assert page.evaluate(ESCAPED)
        expect(button).to_be_focused()
    console.keys("Enter", "Escape", "Enter")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()


def test_shortcuts_can_be_switched_off(console):
    page = console.go("#/tasks", "Service tasks")
    opener = page.get_by_role("button", name="Shortcuts")
    console.tab_to(opener)
    console.keys("?")
    switch = page.get_by_role("switch", name="Shortcuts of one key")
    console.tab_to(switch)
    console.keys("Space", "Escape")
    expect(opener).to_be_focused()
    console.keys("n", "?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Service tasks")


def test_times_are_shown_in_the_zone_that_is_chosen(browser, console, task):
    made = task(name="Zoned", dtstart="2026-01-01T12:00:00Z")
    console = Console(browser, console.root, timezone_id="Asia/Tokyo")
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


# The last one: the runner of the server is slow with these tasks.


def test_what_ends_badly_or_never_starts_is_found_by_links(console, served, task):
    def failing(name):
        made = task(name=name, svcscriptcode="fail", isenabled=1)
        ended(served, run_now(served, made["id"]))
        return made

    failing("Fails")
    mended = failing("Failed once")
    served.request("PATCH", f"{T}/{mended['id']}", body={"svcscriptcode": "talk"})
    ended(served, run_now(served, mended["id"]))
    task(name="No such script", svcscriptcode="none", isenabled=1, isregular=1)
    task(name="No day", svcscriptcode="talk", isenabled=1, schedule="individual")
    daily = {"isregular": 1, "intervalsec": 86400, "svcscriptcode": "talk"}
    monday = [{"dow": 1, "timestart": 0, "timestop": 1440}]
    weekly = {**daily, "schedule": "individual", "periods": monday}
    task(name="Every Monday", isenabled=1, **weekly)
    page = console.go("#/tasks", "Service tasks")
    page.get_by_role("link", name="Failed last").click()
    expect(page.get_by_role("link", name="Fails")).to_be_visible()
    expect(page.get_by_role("link", name="Failed once")).to_have_count(0)
    expect(page.get_by_text("Tasks whose newest run failed")).to_be_visible()
    page.get_by_role("link", name="Never starts").click()
    row = page.get_by_role("row").filter(has_text="No such script")
    expect(row).to_contain_text("intervalsec is 0")
    expect(page.get_by_role("link", name="No day")).to_be_visible()
    expect(page.get_by_role("link", name="Every Monday")).to_have_count(0)
    page.get_by_role("link", name="Overdue").click()
    expect(page.get_by_text("Tasks whose newest start was missed")).to_be_visible()
    expect(page.get_by_role("link", name="Fails")).to_have_count(0)
