"""The README is true: its session runs, and its tables are the program's."""

import os
import re
import shutil
import subprocess
from urllib.parse import quote

import pytest
from readme import README, ROOT, examples, session
from running import Server
from shared import T

from app.api.routes import ROUTES
from app.cli import main
from app.settings import SETTINGS

OWNER = "/services/{service_id}"

SIGNS = {
    "{owner}": (OWNER, f"{OWNER}/states/{{state_id}}", f"{OWNER}/tasks/{{task_id}}"),
    "{level}": ("services", "states", "tasks"),
}
"""What stands for several addresses in the tables of routes."""


def test_the_first_session_runs_as_printed():
    server = Server()
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


def rows(heading):
    """Return the rows of the first table under ``heading``, cell by cell."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
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


def test_the_table_of_settings_is_the_programs():
    assert rows("Settings") == [
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


def test_the_tables_of_routes_are_the_programs():
    """A row may stand for several addresses; it says what is done at the first."""
    meanings = {
        (verb, route.template.replace("id_", "id")): operation.summary
        for route in ROUTES
        for verb, operation in route.verbs.items()
    }
    tables = re.findall(r"^\| Method \| Address .*\n(?:\|.*\n)+", README, re.MULTILINE)
    told = []
    for verb, cell, meaning in (row for table in tables for row in cells(table)):
        found = [(verb, address) for address in addresses(cell)]
        assert meanings[found[0]].startswith(meaning)
        told += found
    assert sorted(told) == sorted(meanings)


@pytest.mark.parametrize("row", rows("Decisions"), ids=lambda row: row[0])
def test_each_decision_is_shown_by_a_test_that_exists(row):
    file, name = re.fullmatch(r"`(\w+\.py)::(test_\w+)`", row[2]).groups()
    [path] = (ROOT / "tests").rglob(file)
    assert f"def {name}(" in path.read_text()


def test_each_place_in_the_layout_exists():
    for cell, _ in rows("How it is laid out"):
        for place in re.findall("`([^`]+)`", cell):
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
    assert result.stdout == "serve --bind 0.0.0.0:5999\n"
