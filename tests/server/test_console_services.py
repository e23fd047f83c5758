"""The console in a real browser: what people do with services."""

import re

from chromium import needs_chromium
from playwright.sync_api import expect

pytestmark = needs_chromium


def test_a_service_is_started_moved_and_completed_by_keyboard_alone(console, served):
    page = console.go("#/services", "Services")
    console.keys("n")
    page.get_by_role("heading", name="Start a service").wait_for()
    page.locator("[data-field=service_type] input").wait_for()
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
    state_type.wait_for()
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
    state_type.wait_for()
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
    dialog.locator("[data-field=disposition] input").wait_for()
    console.tab_to(dialog.locator("[data-field=disposition] input"))
    page.keyboard.type("5")
    console.keys("Enter")
    expect(page.locator(".title .badge")).to_have_text("completed")
    path = f"/services/{id_}?active_states=true&completed_states=true"
    seen = served.request("GET", path).json
    assert seen["disposition"] == 5 and "completed" in seen
    assert [each["state_type"] for each in seen["active_states"]] == ["second"]
    assert console.complaints == []


def test_services_are_found_by_customer_by_keyboard_alone(console, served):
    given = {"service_type": 1, "customer_id": "c/1", "contact_key": "k1"}
    refused = console.go("#/services?by=customer&key=c%2F1", "Services")
    expect(refused.get_by_role("alert").filter(has_text="slash")).to_be_visible()
    given["customer_id"] = "c 1"
    id_ = served.request("POST", "/services/start", body=given).json["service_id"]
    page = console.go("#/services", "Services")
    console.tab_to(page.get_by_role("radio", name="Service id"))
    console.keys("ArrowDown")
    expect(page.get_by_role("radio", name="Customer")).to_be_checked()
    console.tab_to(page.get_by_role("searchbox"))
    console.type("c 1")
    console.keys("Enter")
    found = page.get_by_role("link", name=str(id_))
    found.wait_for()
    console.tab_to(found)
    console.keys("Enter")
    page.get_by_role("heading", level=1, name=f"Service {id_}").wait_for()
    associate = page.get_by_role("button", name="Associate with a customer")
    associate.wait_for()
    console.tab_to(associate)
    console.keys("Enter")
    dialog = page.get_by_role("dialog")
    customer = dialog.locator("[data-field=customer_id] input")
    customer.wait_for()
    console.keys("Escape")
    expect(associate).to_be_focused()
    console.keys("Enter")
    customer.wait_for()
    console.tab_to(customer)
    console.type("c2")
    console.keys("Enter")
    expect(page.get_by_role("link", name="c2")).to_be_visible()
    expect(associate).to_be_focused()


NOTES = {
    "name": "Notes",
    "type": "multi-valued",
    "attributes": [
        {"name": "text", "type": "string", "mandatory": True},
        {"name": "a.rank", "type": "integer"},
        {"name": "done", "type": "boolean"},
    ],
}


def test_extension_values_are_written_in_fields_of_their_types(console, served):
    served.request("POST", "/metadata/services/extensions", body=NOTES)
    begun = {"service_type": 1, "contact_key": "n", "Notes": [{"text": "first"}]}
    id_ = served.request("POST", "/services/start", body=begun).json["service_id"]
    page = console.go(f"#/services/{id_}", f"Service {id_}")
    add = page.get_by_role("button", name="Add a record of Notes")
    add.wait_for()
    console.tab_to(add)
    console.keys("Enter")
    second = page.get_by_role("group", name="Record 2")
    expect(second.get_by_label("text (required)")).to_be_focused()
    console.tab_to(second.get_by_label("a.rank"))
    console.type("high")
    write = page.get_by_role("button", name="Write Notes")
    console.tab_to(write)
    console.keys("Enter")
    # Both faults are at their fields, the first of which has the focus.
    expect(second.get_by_label("text (required)")).to_be_focused()
    expect(second.get_by_label("a.rank")).to_have_accessible_description(
        re.compile("must be an integer")
    )
    assert console.violations() == []
    console.type("second")
    console.keys("Tab", "Control+a")
    console.type("7")
    console.tab_to(second.get_by_label("done"))
    console.type("t")
    console.tab_to(write)
    console.keys("Enter")
    expect(page.get_by_role("status")).to_contain_text(["Wrote Notes."])
    path = f"/services/{id_}?extensions=Notes"
    written = served.request("GET", path).json["Notes"]
    assert [each["text"] for each in written] == ["first", "second"]
    assert (written[1]["a.rank"], written[1]["done"]) == (7, True)
    remove = page.get_by_role("button", name="Remove record 1 of Notes")
    console.tab_to(remove, "Shift+Tab")
    console.keys("Enter")
    console.check_focus()
    expect(second).to_have_count(0)
