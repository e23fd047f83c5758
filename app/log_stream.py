"""The stream of the log: a reader that stalls does not block the service."""

import os
import select
import threading
from collections import deque
from collections.abc import Iterator
from time import time
from typing import TextIO

from app import logs

KEPT = 1 << 20
"""Bytes of lines that are kept in a process while nobody reads the log."""

PATIENCE = 2.0
"""Seconds that a process waits at its end for the reader of the log."""


class LogStream:
    """Writes to ``stream`` without waiting for its reader.

    A thread of each process writes the lines that the other threads queue. While nobody
    reads, the first lines are kept, and the others only counted.
    """

    def __init__(self, stream: TextIO) -> None:
        self._number = stream.fileno()
        self._line = logs.form(stream)
        self._is_terminal = stream.isatty()
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        # The parent process writes its own lines, and threads do not live on in a child.
        self._changed = threading.Condition()
        self._texts: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._is_terminal

    def write(self, text: str) -> None:
        """Queue complete lines."""
        content = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._size + len(content) > KEPT:
                self._dropped += content.count(b"\n")
                return
            self._texts.append(content)
            self._size += len(content)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="log", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, or until the reader has stalled too long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._size, PATIENCE)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._size)
                content = b"".join(self._texts)
                self._texts.clear()
            try:
                for piece in _pieces(content):
                    self._put(piece)
            except OSError:
                # Nobody reads the log any more, so there is nowhere to report that.
                pass
            with self._changed:
                self._size -= len(content)
                dropped, self._dropped = self._dropped, 0
                self._changed.notify_all()
            if dropped:
                message = f"{dropped} lines were dropped while nobody read the log"
                self.write(self._line(time(), "WARNING", message, {}) + "\n")

    def _put(self, piece: bytes) -> None:
        poll = select.poll()
        poll.register(self._number, select.POLLOUT)
        while piece:
            try:
                piece = piece[os.write(self._number, piece) :]
            except BlockingIOError:
                poll.poll()


def _pieces(content: bytes) -> Iterator[bytes]:
    """Divide lines into pieces that a pipe writes atomically, not mixed with others."""
    begin = 0
    while begin < len(content):
        end = begin + select.PIPE_BUF
        if end < len(content):
            end = content.rfind(b"\n", begin, end) + 1 or end
        yield content[begin:end]
        begin = end
