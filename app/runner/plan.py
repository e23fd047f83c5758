"""The plan of a runner: which tasks to decide on now, and when on the others.

Of those now, the task with the fewest active runs is first, then the one with the oldest
slot. Nothing looks at all tasks: what is there stays in order until it changes. Those that
have changed may be many, and wait in a line of their own, so that they hold up no others.
"""

from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from itertools import islice
from typing import Generic, TypeVar

E = TypeVar("E", bound=tuple[int, str] | tuple[int, int, str])

Urgency = tuple[int, int, str]
"""How many runs of a task are active, its last slot, and its id."""


class Line(Generic[E]):
    """Tasks in a line, each once: entries that sort them, with the id as the last part."""

    def __init__(self) -> None:
        self._heap: list[E] = []
        self._entries: dict[str, E] = {}

    def put(self, entry: E) -> None:
        """Put a task where its entry belongs, wherever it was."""
        if self._entries.get(entry[-1]) != entry:
            self._entries[entry[-1]] = entry
            heappush(self._heap, entry)

    def remove(self, id_: str) -> None:
        """Take a task out of the line, if it is there."""
        self._entries.pop(id_, None)

    def first(self) -> E | None:
        """Return the first entry."""
        while self._heap and self._entries.get(self._heap[0][-1]) != self._heap[0]:
            # Its task has been moved, or is gone.
            heappop(self._heap)
        return self._heap[0] if self._heap else None


class Plan:
    """Tasks by their ids.

    Of those that are fresh it is not known whether they have a clock, if they need one.
    Those that are held have something to start, and no room for it yet.
    """

    def __init__(self) -> None:
        # In the order in which they came.
        self._fresh: dict[str, None] = {}
        self._undecided: set[str] = set()
        self._held: set[str] = set()
        self._decidable = Line[Urgency]()
        self._waiting: dict[str, Line[Urgency]] = {}
        self._codes: dict[str, str] = {}
        self._due = Line[tuple[int, str]]()

    @property
    def open(self) -> int:
        """How many tasks have something to start, and no room for it."""
        return len(self._held) + len(self._codes)

    def freshen(self, ids: Iterable[str]) -> None:
        """Let tasks that have changed be fresh."""
        self._fresh |= dict.fromkeys(ids)

    def has_fresh(self) -> bool:
        """Return whether any task is fresh."""
        return bool(self._fresh)

    def fresh(self, most: int) -> list[str]:
        """Return up to so many fresh tasks, the last ones first."""
        # What people do now is not to wait for what is looked at by the thousand.
        return list(islice(reversed(self._fresh), most))

    def ready(self, ids: Iterable[str]) -> None:
        """Have fresh tasks decided on now."""
        for id_ in ids:
            self._fresh.pop(id_, None)
            self._undecided.add(id_)

    def hasten(self, id_: str) -> None:
        """Have a task decided on now."""
        self._undecided.add(id_)

    def put(self, id_: str, moment: int | None, is_held: bool) -> None:
        """Note when to decide on a task next, after it was decided on."""
        self._undecided.discard(id_)
        self._decidable.remove(id_)
        if (code := self._codes.pop(id_, None)) is not None:
            self._waiting[code].remove(id_)
        if is_held:
            self._held.add(id_)
        else:
            self._held.discard(id_)
        if moment is None:
            self._due.remove(id_)
        else:
            self._due.put((moment, id_))

    def pass_on(self, now: int) -> None:
        """Have what is due by now decided on."""
        while (entry := self._due.first()) is not None and entry[0] <= now:
            self._due.remove(entry[1])
            self.hasten(entry[1])

    def line_up_held(
        self, urgency_of: Callable[[str], Urgency], code_of: Callable[[str], str]
    ) -> None:
        """Let those that were held since the last time be ``next``, when there is room."""
        for id_ in self._held:
            code = self._codes[id_] = code_of(id_)
            self._waiting.setdefault(code, Line()).put(urgency_of(id_))
        self._held.clear()

    def next(
        self,
        urgency_of: Callable[[str], Urgency],
        has_room: bool,
        full: Collection[str],
    ) -> str | None:
        """Return the task to decide on next; with room, one that waits for it as well.

        Those of the scripts in ``full`` wait on.
        """
        for id_ in self._undecided:
            self._decidable.put(urgency_of(id_))
        self._undecided.clear()
        lines = [self._decidable]
        if has_room:
            waiting = self._waiting.items()
            lines += [line for code, line in waiting if code not in full]
        heads = [head for line in lines if (head := line.first()) is not None]
        return min(heads)[-1] if heads else None

    def next_moment(self) -> int | None:
        """Return when something is due at the earliest."""
        entry = self._due.first()
        return entry[0] if entry else None
