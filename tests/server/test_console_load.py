"""What the console waits for, and what it keeps, in a real browser."""

import pytest
from chromium import needs_chromium
from console import hold_back
from playwright.sync_api import expect
from shared import T

pytestmark = needs_chromium


@pytest.fixture
def rows(task):
    return [task(name=f"Row {number:02}") for number in range(30)]


def test_the_first_rows_wait_for_nothing_but_the_tasks(console, rows):
    let_go = hold_back(
        console.page,
        "**/next?*",
        "**/svcruns?*",
        "**/*/runs?*",
        "**/openapi.json",
        "**/health",
    )
    page = console.go("#/tasks?order=name", "Service tasks")
    expect(page.locator("tbody tr")).to_have_count(25)
    expect(page.get_by_role("row", name="Row 00")).to_contain_text("…")
    let_go()
    expect(page.get_by_role("row", name="Row 00")).to_contain_text("never: isenabled")
    expect(page.get_by_role("row", name="Row 00")).to_contain_text("no run")


def test_the_tasks_are_asked_for_before_the_modules_that_show_them_are_there(
    console, rows
):
    let_go = hold_back(console.page, "**/tasks.mjs", "**/table.mjs")
    with console.page.expect_response("**/svctasks?order=*") as asked:
        address = f"{console.root}/console#/tasks?order=name"
        console.page.goto(address, wait_until="commit")
    assert asked.value.ok
    let_go()
    expect(console.page.locator("tbody tr")).to_have_count(25)
    # It was not asked for a second time before the next poll.
    names = [each for each in console.requests if "svctasks?order" in each]
    assert len(set(names)) == 1


POLLS = 200


def test_two_hundred_polls_do_not_grow_the_heap(console, served, rows):
    """By the clock of the page; each poll is answered before the next one is due."""
    page = console.page
    page.clock.install()
    devtools = console.context.new_cdp_session(page)
    console.go("#/tasks?order=name", "Service tasks")
    console.settle()

    def poll(times):
        for number in range(times):
            if number % 10 == 0:
                body = {"intervalsec": number}
                path = f"{T}/{rows[0]['id']}"
                assert served.request("PATCH", path, body=body).status == 200
            with page.expect_response("**/svctasks?order=*"):
                page.clock.run_for(2000)

    def heap():
        devtools.send("HeapProfiler.collectGarbage")
        return devtools.send("Runtime.getHeapUsage")["usedSize"]

    poll(50)
    before = heap()
    console.requests.clear()
    poll(POLLS)
    polled = [each for each in console.requests if "svctasks?order" in each]
    assert len(polled) >= POLLS
    # Compiled code and caches of the browser come and go.
    assert heap() - before < 300_000
