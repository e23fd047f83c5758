"""The pictures of the README, made of the console as it is."""

import json

import pytest
from chromium import launched, needs_chromium
from console import Console, ended, run_now
from readme import ROOT
from running import Server

pytestmark = [needs_chromium, pytest.mark.screenshots]

PICTURES = ROOT / "tests" / "console"

TASKS = [
    ("Nightly report", "report", {"intervalsec": 86400, "schedule": "non-work"}),
    ("Sync customers", "sync", {"intervalsec": 900}),
    ("Send invoices", "mail", {"intervalsec": 3600, "schedule": "work"}),
    ("Clean temporary files", "clean", {"intervalsec": 43200}),
    ("Move the archive", "archive", {"isregular": 0, "isenabled": 0}),
]

SCRIPTS = [
    {"code": code, "command": ["/bin/sh", "-c", f"exit {int(code == 'mail')}"]}
    for code in ("report", "sync", "mail", "clean", "archive")
]


@pytest.fixture
def root(data):
    data.mkdir()
    scripts = {str(number): each for number, each in enumerate(SCRIPTS, 1)}
    (data / "svcscripts.json").write_text(json.dumps({"svcscripts": scripts}))
    server = Server(data, "--runner")
    for name, code, given in TASKS:
        task = {"name": name, "svcscriptcode": code, "isenabled": 1, "isregular": 1}
        id_ = server.request("POST", body={**task, **given}).json["id"]
        if name != "Move the archive":
            ended(server, run_now(server, id_))
    start_service(server)
    yield f"http://127.0.0.1:{server.port}"
    server.kill()


def start_service(server):
    """Start an order that is older than a day, with states, tasks and an estimate."""

    def post(path, body):
        reply = server.request("POST", path, body=body)
        assert reply.status in (200, 201), reply.text
        return reply.json if reply.text else None

    def at(hour, minute=0, day=24):
        return f"2026-11-{day}T{hour:02}:{minute:02}:00.000Z"

    order = {"service_type": "order", "customer_id": "C-1042", "est_duration": 28800}
    service = post("/services/start", {**order, "timestamp": at(8)})
    states = f"/services/{service['service_id']}/states"
    tasks = f"/services/{service['service_id']}/tasks"
    received = {"state_type": "received", "est_duration": 7200, "timestamp": at(8)}
    first = post(f"{states}/start", received)
    call = {"state_id": first["state_id"], "task_type": "call", "est_duration": 1800}
    started = post(f"{tasks}/start", {**call, "timestamp": at(8, 20)})
    post(f"{tasks}/{started['task_id']}/end", {"timestamp": at(9, 10)})
    packed = {"state_type": "packed", "est_duration": 14400}
    second = post(
        f"{states}/transition",
        {"from": first, "to": packed, "timestamp": at(9, 30)},
    )
    weigh = {"state_id": second["state_id"], "task_type": "weigh", "timestamp": at(10)}
    post(f"{tasks}/start", weigh)
    shipped = {"state_type": "shipped"}
    post(f"{states}/transition", {"from": second, "to": shipped, "timestamp": at(15)})


def test_the_pictures_of_the_readme_are_made(root):
    with launched() as browser:
        console = Console(browser, root, height=640)
        page = console.go("#/tasks", "Service tasks")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / "tasks.png")
        console.go("#/services/1", "Service 1")
        page.locator("svg .line").last.wait_for()
        page.wait_for_load_state("networkidle")
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=PICTURES / "service.png")
        console.close()
