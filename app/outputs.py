"""The outputs of commands: files, which are replaced as a whole, and streams.

A plain file keeps what it has until all of its new content is on disk. A symbolic link
stays, and the file that it leads to is replaced. A pipe, a terminal or another character
device is written to as it is; a block device is refused, since its data would be gone.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from app.errors import Conflict, Invalid, Unavailable

STANDARD = Path("-")
"""The standard output, as an argument of a command."""

_NOT_FLUSHED = (errno.EINVAL, errno.EOPNOTSUPP, errno.EROFS)
"""The errors of fsync(2) on a pipe, a terminal or a device."""

_LINKS = 40
"""Symbolic links that one path may lead through, as in Linux."""


def written(path: Path, fresh: bool = False) -> AbstractContextManager[IO[bytes]]:
    """Open ``path`` for writing; at the end of the context all of it is on disk.

    A plain file that exists keeps its owner, group and mode; a new one is private to its
    owner. With ``fresh`` one that exists is refused. Raises Conflict, Invalid, Unavailable
    and OSError, which names the path.
    """
    place = _place(path)
    if isinstance(place, int):
        name = "the standard output" if place == 1 else f"/dev/fd/{place}"
        return _stream(partial(os.dup, place), name)
    try:
        former = os.stat(place)
    except FileNotFoundError:
        return _replaced(place, None)
    if stat.S_ISFIFO(former.st_mode) or stat.S_ISCHR(former.st_mode):
        return _stream(partial(os.open, place, os.O_WRONLY | os.O_NOCTTY), str(place))
    if stat.S_ISDIR(former.st_mode):
        raise _error(errno.EISDIR, path)
    if not stat.S_ISREG(former.st_mode):
        raise Invalid(f"{path} is neither a plain file nor a stream to write to")
    if fresh:
        raise Conflict(f"{path} exists already")
    if not os.access(place, os.W_OK):
        raise _error(errno.EACCES, path)
    return _replaced(place, former)


def is_standard(path: Path) -> bool:
    """Return whether ``path`` is the standard output, under any of its names."""
    return _place(path) == 1


def _place(path: Path) -> Path | int:
    """Return where the links of ``path`` lead: to a path, or a descriptor of our own.

    A descriptor is not opened by its path: a plain file behind it would begin anew.
    """
    if path == STANDARD:
        return 1
    own, first = os.path.realpath("/proc/self/fd"), path
    for _ in range(_LINKS):
        if os.path.realpath(path.parent) == own and re.fullmatch("[0-9]+", path.name):
            return int(path.name)
        if not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise _error(errno.ELOOP, first)


@contextmanager
def _stream(open_: Callable[[], int], name: str) -> Iterator[IO[bytes]]:
    try:
        with os.fdopen(open_(), "wb") as file:
            yield file
            _flush(file)
    except OSError as error:
        _name(error, name)
        raise


@contextmanager
def _replaced(path: Path, former: os.stat_result | None) -> Iterator[IO[bytes]]:
    """Open a new file for the place of the one at ``path``, once all is written to it.

    Until then it has a name that no other run uses or left behind.
    """
    try:
        draft = NamedTemporaryFile(
            dir=path.parent, prefix=f"{path.name[:50]}.", suffix=".new", delete=False
        )
    except OSError as error:
        error.filename = str(path.parent)
        raise
    try:
        with draft:
            if former is not None:
                _take_after(draft, path, former)
            yield draft
            _flush(draft)
        os.replace(draft.name, path)
        _flush_folder(path.parent)
    except BaseException as error:
        if os.path.exists(draft.name):
            os.unlink(draft.name)
        if isinstance(error, OSError):
            _name(error, str(path), draft.name)
        raise


def _take_after(draft: IO[bytes], path: Path, former: os.stat_result) -> None:
    """Give ``draft`` the owner, group, mode and extended attributes of the file there."""
    new = os.fstat(draft.fileno())
    if (former.st_uid, former.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(draft.fileno(), former.st_uid, former.st_gid)
        except PermissionError:
            raise Unavailable(
                f"{path} belongs to another user or group, which a file in its place "
                "would not; remove it first"
            ) from None
    shutil.copystat(path, draft.name)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _NOT_FLUSHED:
            raise


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(error: OSError, name: str, *others: str) -> None:
    """Set the path in ``error``, if it has none or one of ``others``."""
    if error.filename is None or error.filename in others:
        error.filename = name


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
