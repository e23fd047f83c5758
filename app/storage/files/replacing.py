"""Whether a data file can be replaced, which each checkpoint does."""

import re
from pathlib import Path

from app.errors import Unavailable

MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux names what is mounted, one a line: see proc(5)."""


def check_replaceable(path: Path) -> None:
    """Raise Unavailable if the file at ``path`` is there and cannot be replaced."""
    if not path.is_file():
        return
    check_not_mounted(path)
    try:
        # Fails in any case, since it is no folder, but with another error if the file
        # may not be removed: for its attributes, or for those of the folder.
        path.rmdir()
    except NotADirectoryError:
        pass
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise Unavailable(f"{path.name} cannot be replaced: {reason}") from None


def check_not_mounted(path: Path) -> None:
    """Raise Unavailable if the file at ``path`` can never be replaced: it is mounted."""
    if is_mounted(path):
        raise Unavailable(
            f"{path.name} cannot be replaced, because it is mounted itself; mount its "
            "folder instead"
        )


def is_mounted(path: Path) -> bool:
    """Return whether ``path`` is what something is mounted on, such as a file alone."""
    try:
        mounts = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    places = (re.sub(r"\\(\d{3})", _character, line.split(" ")[4]) for line in mounts)
    return str(path) in places


def _character(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))
