"""The console where there are tokens, behind a prefix, and while the server is away."""

import pytest
from chromium import launched, needs_chromium
from console import Console
from playwright.sync_api import Error, expect
from running import Server, svctasks
from shared import PATIENCE, T

pytestmark = needs_chromium

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def token_of(server, role):
    """Create a token of that name and role, and return it."""
    created = svctasks("token", "create", role, "--role", role, data=server.data)
    assert created.returncode == 0, created.stderr
    return created.stdout.strip()


def credentials(role, token):
    return {"http_credentials": {"username": role, "password": token}}


@pytest.fixture
def root(server):
    return f"http://127.0.0.1:{server.port}"


def test_a_browser_is_led_to_the_console(browser, root):
    page = browser.new_page()
    try:
        page.goto(root)
        assert page.url == f"{root}/console"
        page.get_by_role("heading", name="Service tasks").wait_for()
    finally:
        page.close()


def test_a_browser_asks_for_a_token_and_another_is_kept_for_the_tab(
    browser, server, root
):
    reader, writer = token_of(server, "reader"), token_of(server, "writer")
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        Console(browser, root).go("#/server")
    console = Console(browser, root, **credentials("reader", reader))
    try:
        page = console.go("#/tasks/new", "New task")
        page.locator("[data-field=name] input").fill("n")
        page.get_by_role("button", name="Make the task").click()
        expect(page.get_by_role("alert").last).to_contain_text(
            'needs the role "writer"'
        )
        console.go("#/server", "Server")
        expect(page.get_by_text("which the browser keeps")).to_be_visible()
        page.get_by_text("Act with another token in this tab").click()
        page.get_by_label("Token", exact=True).fill(f"{writer}x")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#token-fault")).to_contain_text("no whole token")
        page.get_by_label("Token", exact=True).fill(writer)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("kept for this tab.")).to_be_visible()
        console.go("#/tasks/new", "New task")
        page.locator("[data-field=name] input").fill("made")
        page.get_by_role("button", name="Make the task").click()
        page.get_by_role("heading", name="made").wait_for()
        # Another tab knows nothing of it, nor does what the browser keeps.
        kept = page.evaluate("[JSON.stringify(localStorage), document.cookie]")
        assert writer not in kept[0] and kept[1] == ""
        other = console.context.new_page()
        other.goto(f"{root}/console#/server")
        expect(other.get_by_text("which the browser keeps")).to_be_visible()
        assert not [each for each in console.requests if "svct_" in each]
    finally:
        console.close()


def test_a_token_that_is_revoked_leads_to_the_form_for_another(browser, server, root):
    reader, writer = token_of(server, "reader"), token_of(server, "writer")
    console = Console(browser, root, **credentials("reader", reader))
    try:
        page = console.go("#/server", "Server")
        page.get_by_text("Act with another token in this tab").click()
        page.get_by_label("Token", exact=True).fill(writer)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("kept for this tab.")).to_be_visible()
        svctasks("token", "revoke", "writer", data=server.data)
        page.get_by_role("heading", name="Log in").wait_for()
        assert console.violations() == []
        page.get_by_label("Token", exact=True).fill(reader)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Server").wait_for()
    finally:
        console.close()


def test_the_console_works_where_the_server_knows_the_folder(browser, data):
    server = Server(
        data, SCRIPT_NAME="/outer", SVCTASKS_SERVICES_PREFIX="/genesys/1/cs"
    )
    try:
        server.request("POST", f"/outer{T}", {"name": "seen"})
        console = Console(browser, f"http://127.0.0.1:{server.port}/outer")
        page = console.go("#/tasks", "Service tasks")
        page.get_by_role("link", name="seen").click()
        page.get_by_role("heading", name="seen").wait_for()
        console.go("#/services/1", "Service 1")
        console.go("#/server", "Server")
        expect(page.locator(".title .badge")).to_have_text("ok")
        assert [each for each in console.requests if "/outer/" not in each] == []
        console.close()
    finally:
        server.kill()


def test_the_page_stays_usable_while_the_server_is_away(browser, server, root, data):
    server.request("POST", body={"name": "kept"})
    console = Console(browser, root)
    try:
        page = console.go("#/tasks", "Service tasks")
        link = page.get_by_role("link", name="kept")
        link.wait_for()
        server.stop()
        page.get_by_text("The server does not answer").wait_for()
        expect(link).to_be_visible()
        again = Server(data, port=server.port)
        try:
            expect(page.get_by_text("The server does not answer")).to_have_count(0)
            again.request("POST", body={"name": "new"})
            page.get_by_role("link", name="new", exact=True).wait_for()
        finally:
            again.kill()
    finally:
        console.close()
