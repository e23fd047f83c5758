"""The documentation is true: its session runs, and its tables are the program's."""

import os
import re
import shutil
import subprocess
from urllib.parse import quote

import pytest
from readme import PAGES, README, ROOT, examples, session
from running import Server
from shared import T

from app.api.openapi.operations import OPERATIONS
from app.api.routes import ROUTES
from app.cli import main
from app.schemas.svcscript import SvcscriptSchema
from app.settings import SETTINGS

OWNER = "/services/{service_id}"

SIGNS = {
    "{owner}": (OWNER, f"{OWNER}/states/{{state_id}}", f"{OWNER}/tasks/{{task_id}}"),
    "{level}": ("services", "states", "tasks"),
}
"""What stands for several addresses in the tables of routes."""


def test_the_sessions_run_as_printed():
    server = Server(None, "--runner")
    try:
        for command, printed, expected in session(server):
            assert printed == expected, command
    finally:
        server.stop()


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_clone_stays_clean_whatever_is_served_in_it(tmp_path):
    def git(*arguments):
        return subprocess.check_output(["git", "-C", tmp_path, *arguments], text=True)

    git("init", "-q")
    for name in (".gitignore", "data/.gitignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    git("add", "-A")
    listed = git("status", "--porcelain")
    assert listed == "A  .gitignore\nA  data/.gitignore\n"
    for data in (None, tmp_path / "data", None, tmp_path / "data"):
        server = Server(data)
        assert server.request("POST", body={"name": "n"}).status == 200
        server.stop()
    assert (tmp_path / "data" / "svctasks.json").exists()
    assert git("status", "--porcelain") == listed


@pytest.mark.parametrize("example", examples("filter", "order", "mask", "flat"))
def test_each_example_of_a_parameter_is_taken_by_the_list(api, example):
    assert api.get(f"{T}?{quote(example, safe='=&')}").status_code == 200


def rows(heading, page="README.md"):
    """Return the rows of the first table under ``heading`` of a page, cell by cell."""
    section = PAGES[page].split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return cells(re.search(r"(^\|.*\n)+", section, re.MULTILINE)[0])


def cells(table):
    """Return the rows of a table, cell by cell."""
    lines = table.strip().split("\n")[2:]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def addresses(cell):
    """Return all addresses that a cell of a table of routes stands for."""
    first, *others = re.findall("`([^`]+)`", cell)
    whole = [first, *(each.replace("…", first) for each in others)]
    for sign, parts in SIGNS.items():
        if sign in first:
            return [each.replace(sign, part) for each in whole for part in parts]
    return whole


def test_the_tables_of_settings_and_limits_are_the_programs():
    printed = rows("Settings") + rows("Limits", "app/deploy/README.md")
    assert printed == [
        [
            f"`{each.variable}`",
            f"`{each.default}`" if each.default != "" else "",
            each.meaning,
        ]
        for each in SETTINGS
    ]


def test_the_table_of_commands_is_the_programs():
    assert rows("Commands") == [
        [f"`svctasks {name}`", command.help.split("\n")[0]]
        for name, command in main.commands.items()
    ]


def test_the_table_of_scripts_is_the_schemas():
    members = [row[0] for row in rows("Scripts", "app/deploy/README.md")]
    assert members == [f"`{name}`" for name in SvcscriptSchema().names]


def test_the_tables_of_routes_are_the_programs():
    """A row may stand for several addresses; it says what is done at the first."""
    meanings = {
        (method, route.template): OPERATIONS[verb.operation].summary
        for route in ROUTES
        for method, verb in route.verbs.items()
    }
    tables = re.findall(r"^\| Method \| Address .*\n(?:\|.*\n)+", README, re.MULTILINE)
    printed = []
    for verb, cell, meaning in (row for table in tables for row in cells(table)):
        found = [(verb, address) for address in addresses(cell)]
        assert meanings[found[0]].startswith(meaning)
        printed += found
    assert sorted(printed) == sorted(meanings)


DECISIONS = rows("Decisions", "tests/README.md")


def test_the_decisions_are_numbered():
    assert [row[0] for row in DECISIONS] == [
        str(number) for number in range(1, len(DECISIONS) + 1)
    ]


@pytest.mark.parametrize("row", DECISIONS, ids=lambda row: row[0])
def test_each_decision_is_shown_by_a_test_that_exists(row):
    file, name = re.fullmatch(r"`(\w+\.py)::(test_\w+)`", row[2]).groups()
    [path] = (ROOT / "tests").rglob(file)
    assert f"def {name}(" in path.read_text()


@pytest.mark.parametrize(
    "heading", ["Checks of the runner", "Faults of other schedulers"]
)
def test_each_check_of_the_runner_is_shown_by_tests_that_exist(heading):
    found = rows(heading, "tests/README.md")
    assert [row[0] for row in found] == [str(n) for n in range(1, len(found) + 1)]
    for row in found:
        for file, name in re.findall(r"`(\w+\.py)::(test_\w+)`(?:, |$)", row[2]):
            [path] = (ROOT / "tests").rglob(file)
            assert f"def {name}(" in path.read_text(), f"{file}::{name}"


def test_the_readme_is_short():
    assert README.count("\n") < 450


def headings(page, level="##+"):
    """Return the headings of ``page`` below its title, as they are linked to."""
    found = re.findall(f"^{level} (.+)$", page, re.MULTILINE)
    return [re.sub("[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in found]


def test_the_contents_name_every_heading_in_order():
    [contents] = re.findall(r"^\*\*Contents:\*\* (?:.+\n)+", README, re.MULTILINE)
    assert re.findall(r"\(#([^)]+)\)", contents) == headings(README, "##")


LINKS = [
    (path, link)
    for path, page in PAGES.items()
    for link in re.findall(r"\]\(([^)]+)\)", page)
    if "://" not in link
]


@pytest.mark.parametrize(("path", "link"), LINKS)
def test_each_link_leads_to_a_file_and_a_heading_that_exist(path, link):
    name, _, heading = link.partition("#")
    target = ((ROOT / path).parent / name) if name else ROOT / path
    assert target.resolve().exists()
    if heading:
        assert heading in headings(target.read_text())


def test_each_page_is_reached_from_the_readme():
    reached = {
        ((ROOT / path).parent / link.partition("#")[0]).resolve()
        for path, link in LINKS
    }
    assert {ROOT / path for path in PAGES} - {ROOT / "README.md"} <= reached
    assert {ROOT / path for path in PAGES} == {
        *ROOT.glob("README.md"),
        *ROOT.glob("app/**/README.md"),
        *ROOT.glob("tests/**/README.md"),
    }


def test_the_layout_names_every_module_beside_the_packages():
    named = set(re.findall("`(app/[^`]+)`", PAGES["app/README.md"]))
    modules = {str(path.relative_to(ROOT)) for path in ROOT.glob("app/[!_]*.py")}
    assert modules - named == set()


@pytest.mark.parametrize("page", PAGES)
def test_each_place_that_a_page_names_exists(page):
    for place in re.findall("`((?:app|data|tests)/[^` ]*)`", PAGES[page]):
        assert (ROOT / place).exists(), place


def test_the_procfile_serves_on_the_port_of_the_platform(tmp_path):
    """A stand-in for the command prints what it is called with."""
    stand_in = tmp_path / "svctasks"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    command = (ROOT / "Procfile").read_text().removeprefix("web: ")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "5999"}
    result = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True
    )
    assert result.stdout == "serve --behind-proxy --bind 0.0.0.0:5999\n"
