"""The output of a run, in a file of at most 1 MiB: its first 64 KiB, and its end.

While it grows, the file is appended to. Before it would be too large, a shorter one
replaces it, in which a line says how much is left out between the first 64 KiB and the
end; who has the former one open sees that. Memory does not grow with the output. Runner
contract, section 8.
"""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.errors import Unavailable

MOST = 1 << 20
"""How large the file may be."""

FIRST = 64 << 10
"""How much of the beginning is kept."""

PIECE = 64 << 10
"""How much is written at once, at most."""

_END = (MOST - FIRST) // 2
_GAP = b"\n[%d bytes are left out here]\n"
_LINE = 200
_NEW = ".new"


class Output:
    """The file at ``path``, which is begun anew; raises OSError.

    ``echo`` gets all that comes, too. ``total`` is how many bytes came, and ``fault`` says
    why not all of them could be kept, if so.
    """

    def __init__(self, path: Path, echo: Callable[[bytes], None] | None = None) -> None:
        self._path = path
        self._echo = echo
        self._descriptor = _opened(path)
        self._size = 0
        self._first = 0
        self._left_out = 0
        # Four bytes are the most that a character has.
        self._last_line = b""
        self._line = b""
        self.total = 0
        self.fault = ""

    def write(self, piece: bytes) -> None:
        """Take up to ``PIECE`` bytes more."""
        self.total += len(piece)
        if self._echo is not None:
            self._echo(piece)
        self._note_lines(piece)
        if self.fault:
            return
        try:
            if self._size + len(piece) > MOST:
                self._leave_out()
            self._append(piece)
        except OSError as error:
            self.fault = error.strerror or str(error)

    @property
    def last_line(self) -> str:
        """The last line that is not blank, or its first 200 characters."""
        line = self._line.rstrip() or self._last_line
        return line.decode(errors="replace")[:_LINE]

    def close(self) -> None:
        """Close the file."""
        try:
            os.close(self._descriptor)
        except OSError as error:
            # As on a network file system, which may write only now.
            self.fault = self.fault or error.strerror or str(error)

    def _append(self, piece: bytes) -> None:
        _write(self._descriptor, piece)
        self._size += len(piece)

    def _leave_out(self) -> None:
        """Replace the file by its first bytes and its end, and the gap between."""
        with open(self._path, "rb", buffering=0) as file:
            first = file.read(FIRST)
            begin = self._size - _END
            file.seek(begin)
            end = file.read(_END)
        self._left_out += begin - (self._first or FIRST)
        gap = _GAP % self._left_out
        fresh = self._path.with_suffix(_NEW)
        descriptor = _opened(fresh)
        try:
            _write(descriptor, first + gap + end)
            os.replace(fresh, self._path)
        except OSError:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(fresh)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._first = len(first) + len(gap)
        self._size = self._first + len(end)

    def _note_lines(self, piece: bytes) -> None:
        """Keep the beginnings of the last full line that is not blank, and of this one."""
        # Programs that show their progress begin a line anew.
        full, end, rest = piece.replace(b"\r", b"\n").rpartition(b"\n")
        if end:
            begun, _, later = full.partition(b"\n")
            later = later.rstrip()
            line = later[later.rfind(b"\n") + 1 :] or self._line + begun
            self._last_line = _beginning(line).rstrip() or self._last_line
            self._line = b""
        self._line = _beginning(self._line + rest)


def make_folder(folder: Path) -> None:
    """Make the folder of outputs, and those that it is in; raises Unavailable."""
    try:
        # Where a database has the tables, nobody else makes the data folder.
        for each in [*reversed(folder.parents), folder]:
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = f"the folder of outputs cannot be made: {error.strerror}"
        raise Unavailable(reason, folder) from error


def file_of(folder: Path, run: str) -> Path:
    """Return the file of the output of a run."""
    return folder / f"{run}.out"


def read(path: Path) -> bytes | None:
    """Return what the file of an output has now; None if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        # One that leads to another file is none.
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
    with open(descriptor, "rb") as file:
        return file.read(MOST)


def kept(path: Path) -> tuple[int, str]:
    """Return how many bytes the file of an output has, and its last line that is not blank.

    Of a run whose runner died nobody knows more.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - PIECE))
            lines = file.read(PIECE).replace(b"\r", b"\n").strip().rpartition(b"\n")
    except OSError:
        return 0, ""
    return size, lines[2].strip().decode(errors="replace")[:_LINE]


def listed(folder: Path) -> set[str]:
    """Return the ids of the runs with an output in ``folder``; raises OSError."""
    return {path.stem for path in folder.iterdir() if path.suffix in (".out", _NEW)}


def copy_all(source: Path, target: Path) -> int:
    """Copy the outputs in ``source`` that ``target`` lacks, and return how many there are.

    Raises Unavailable and OSError.
    """
    paths = sorted(source.glob("*.out"))
    if paths:
        make_folder(target)
    for path in paths:
        place = target / path.name
        content = None if place.exists() else read(path)
        if content is not None:
            draft = place.with_suffix(_NEW)
            with open(_opened(draft), "wb") as file:
                file.write(content)
            os.replace(draft, place)
    return len(paths)


def remove(path: Path) -> None:
    """Remove the file of an output, and one that was to replace it; raises OSError."""
    for each in (path, path.with_suffix(_NEW)):
        each.unlink(missing_ok=True)


def _beginning(line: bytes) -> bytes:
    return line.lstrip()[: 4 * _LINE]


def _opened(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
