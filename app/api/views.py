"""What replies show of services, states and tasks.

Context-services contract, sections 1 and 4.
"""

from functools import partial
from typing import NamedTuple

from app import services
from app.api import parameters
from app.schemas.extension import folded
from app.schemas.service import (
    ASKED_FOR,
    LEVEL_OF,
    LEVELS,
    SERVICES,
    TASKS,
    Level,
    with_typed,
)
from app.storage import Document


class Selection(NamedTuple):
    """What parameters select: arrays of a service, and extensions in lower case."""

    arrays: frozenset[str]
    names: frozenset[str]


class View:
    """What a reply shows of a service: the selected arrays and extensions.

    An extension may be that of the service itself or of a state or task in it. Views of
    the same ``form`` show the same; without one, what they show changes with time.
    """

    def __init__(self, selected: Selection, use_cases: services.Services) -> None:
        self._attributes = use_cases.attributes
        self._arrays = selected.arrays
        self._names: dict[str, frozenset[str]] = {}
        self._are_mapped = self._attributes.are_mapped
        self.form: Selection | None = None if self._are_mapped else selected
        if selected.names:
            deleting = use_cases.extensions.deleting()
            self._names = {
                level: selected.names.difference(deleting[level]) for level in LEVELS
            }
            if any(deleting.values()):
                self.form = None

    def shown(self, level: Level, resource: Document) -> Document:
        """Return what is shown of ``resource``."""
        if level is not SERVICES and not self._are_mapped:
            # Nothing is left out of most states and tasks.
            if level.declared.issuperset(resource):
                return resource
        reply = {}
        for name, value in resource.items():
            if name not in level.declared:
                if folded(name) not in self._names.get(level.name, ()):
                    continue
            elif name in ASKED_FOR:
                if name not in self._arrays:
                    continue
                if inner := LEVEL_OF.get(name):
                    value = [self.shown(inner, part) for part in value]
            reply[name] = value
        if not self._are_mapped:
            return reply
        return with_typed(reply, partial(self._attributes.shown, level.name))

    def inside(self, level: Level, document: Document, resource: Document) -> Document:
        """Return what is shown of a state or task in ``document``.

        A state comes with those of its tasks that are selected.
        """
        tasks = {
            name: [
                self.shown(TASKS, task)
                for task in document[name]
                if task.get("state_id") == resource["state_id"]
            ]
            for name in parameters.TASK_ARRAYS
            if name in self._arrays
        }
        return {**self.shown(level, resource), **tasks}
