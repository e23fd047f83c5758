"""The plan of a runner: which tasks to decide on now, and when on the others."""

from heapq import heappop, heappush


class Plan:
    """Tasks by their ids.

    Those in ``fresh`` have changed, or are due; those in ``held`` have something to start,
    and no room for it yet.
    """

    def __init__(self) -> None:
        self.fresh: set[str] = set()
        self.held: set[str] = set()
        self._heap: list[tuple[int, str]] = []
        self._moments: dict[str, int] = {}

    def put(self, id_: str, moment: int | None, is_held: bool) -> None:
        """Note when to decide on a task next, after it was decided on."""
        self.fresh.discard(id_)
        if is_held:
            self.held.add(id_)
        else:
            self.held.discard(id_)
        if moment is None:
            self._moments.pop(id_, None)
        elif self._moments.get(id_) != moment:
            self._moments[id_] = moment
            heappush(self._heap, (moment, id_))

    def pass_on(self, now: int) -> None:
        """Let what is due by now be fresh."""
        while self._heap and self._heap[0][0] <= now:
            moment, id_ = heappop(self._heap)
            # Another moment came to be later: the entry is of no use any more.
            if self._moments.get(id_) == moment:
                del self._moments[id_]
                self.fresh.add(id_)

    def next_moment(self) -> int | None:
        """Return when something is due at the earliest."""
        return self._heap[0][0] if self._heap else None
