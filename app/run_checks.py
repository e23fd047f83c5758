"""What is wrong, or odd, in what runners go by, beyond the form of its files.

It is said to the operator, who may read all of it. Runner contract, section 12.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.query import quoted
from app.schemas import svcscript, svctask, workhours
from app.starts import Starts, Wanted
from app.storage import Store
from app.svcscripts import Script, Svcscripts

MOST = 20
"""How many tasks are named that will never start."""

DONE = ("started already", "its start was ")
"""How the reasons begin of tasks that have had their only start."""


class Checked(NamedTuple):
    """What is wrong, and what may be meant so."""

    faults: list[str]
    notes: list[str]


def checked(
    store: Store,
    starts: Starts,
    sites: Sequence[str],
    place: str,
    path: str | None = None,
) -> Checked:
    """Return what is wrong with scripts and tasks; ``path`` is where programs are.

    ``sites`` are the names of all sites, none if this is the only one; ``place`` is how
    people are shown where the table is that it is formatted with.
    """
    scripts = {script.code: script for script in Svcscripts(store).all()}
    faults = []
    table = place.format(svcscript.NAME)
    for script in scripts.values():
        where = f"{table}: script {quoted(script.code)}"
        faults += [f"{where}: {fault}" for fault in _faults(script, path)]
        if script.onfail and script.onfail not in scripts:
            fault = f"onfail: {quoted(script.onfail)} is not in {table}"
            faults.append(f"{where}: {fault}")
    lacks, never = _of_tasks(store, starts)
    table = place.format(svctask.NAME)
    faults += [f"{table}: {fault}" for fault in lacks]
    notes = [f"{table}: {note}" for note in never]
    table = place.format(workhours.NAME)
    notes += [f"{table}: {note}" for note in _of_hours(store, sites)]
    return Checked(faults, notes)


def _faults(script: Script, path: str | None) -> Iterator[str]:
    """Return why a command could not be started by this user on this machine."""
    if not script.command:
        return
    if not os.path.isdir(script.cwd):
        yield f"cwd: {script.cwd} is no folder"
    elif shutil.which(os.path.join(script.cwd, script.command[0])) is None:
        is_path = "/" in script.command[0]
        if is_path or shutil.which(script.command[0], path=path) is None:
            where = "" if is_path else " in PATH"
            yield f"command: {script.command[0]} is no program{where}"


def _of_tasks(store: Store, starts: Starts) -> tuple[list[str], list[str]]:
    """Return the scripts that enabled tasks lack, and the tasks that will never start."""
    lacks: dict[str, list[str]] = defaultdict(list)
    never: list[str] = []
    for record in store.scan(svctask.NAME):
        task = record.document
        if not task["isenabled"]:
            continue
        found = starts.of_task(task["id"], Wanted(None, None, 1))
        why = found.get("why", "")
        if found["starts"] and why.startswith("svcscriptcode "):
            lacks[why].append(task["id"])
        elif not found["starts"] and not why.startswith(DONE):
            name = quoted(task["name"])
            never.append(f"{task['id']}, {name}, never starts: {why}")
    faults = [
        f"{why}; {len(ids)} enabled tasks name it, such as {ids[0]}"
        for why, ids in lacks.items()
    ]
    if len(never) > MOST:
        more = f"{len(never) - MOST:,} more tasks never start"
        never = [*never[:MOST], more]
    return faults, never


def _of_hours(store: Store, sites: Sequence[str]) -> list[str]:
    """Return the working hours that are those of no site."""
    names = [record.document["name"] for record in store.scan(workhours.NAME)]
    return [
        f"{quoted(name)} is the name of no site, and so of no use"
        for name in names
        if name != "default" and name not in sites
    ]
