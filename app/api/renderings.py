"""What was rendered of the documents of one table, kept to be sent again.

A rendering goes by the key and the revision of its record and by its form, so that it
never becomes wrong; what is no longer asked for is dropped. The renderings are kept in two
generations: when the younger one has half of the bytes, the older one goes, and what is
asked for again moves to the younger. That costs a look-up no lock and no list of what was
used last.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator

from app.storage import Document, Record

BYTES = 64 << 20
"""How many bytes of renderings a process keeps of one table."""

COST = 200
"""What a rendering takes beside its bytes."""


class Renderings:
    """The renderings of one table's documents, of ``most`` bytes together."""

    def __init__(self, most: int = BYTES) -> None:
        self._half = most // 2
        self._younger: dict[Hashable, bytes] = {}
        self._older: dict[Hashable, bytes] = {}
        self._size = 0

    def of(
        self,
        records: Iterable[Record],
        form: Hashable | None,
        render: Callable[[Document], bytes],
    ) -> Iterator[bytes]:
        """Yield what ``render`` makes of each document.

        ``form`` names it: another function may make another form. What has none is not
        kept.
        """
        for record in records:
            key = record.key, record.revision, form
            found = None if form is None else self._younger.get(key)
            yield self._made(key, record, render) if found is None else found

    def _made(
        self,
        key: tuple[Hashable, int, Hashable | None],
        record: Record,
        render: Callable[[Document], bytes],
    ) -> bytes:
        found = self._older.get(key)
        if found is None:
            # A copy, without the room that orjson leaves behind what it returns.
            found = bytes(memoryview(render(record.document)))
        if key[-1] is not None:
            self._keep(key, found)
        return found

    def _keep(self, key: Hashable, found: bytes) -> None:
        size = len(found) + COST
        if size > self._half:
            return
        if self._size + size > self._half:
            self._older, self._younger, self._size = self._younger, {}, 0
        self._younger[key] = found
        self._size += size
