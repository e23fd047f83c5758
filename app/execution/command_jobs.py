"""A command that runs: its processes, its output, and its end.

Its main process is not waited for before all others have ended: until then nobody else can
get its id, which is that of the session too. Runner contract, sections 6 and 7.
"""

import logging
import os
import selectors
import signal
import subprocess  # nosec B404
import time
from collections.abc import Mapping
from contextlib import ExitStack

import orjson

from app.errors import Invalid
from app.execution import processes
from app.execution.jobs import (
    LOOK_SECONDS,
    NEVER,
    Order,
    Outcome,
    deadline,
    ended,
    joined,
    too_long,
)
from app.execution.run_outputs import PIECE, Output

log = logging.getLogger(__name__)

_IN_PIPE = 1 << 20
"""How much a pipe can hold at most."""

_LOOKS = 3
_SHORTLY = 0.02
"""How often, and how soon, it is looked again for who has the output open."""


class CommandJob:
    """A command; raises Invalid, its text for clients, if it cannot be started."""

    def __init__(
        self,
        order: Order,
        environment: Mapping[str, str],
        output: Output,
        selector: selectors.BaseSelector,
    ) -> None:
        self.outcome: Outcome | None = None
        self.mark = order.mark
        self._script = order.script
        self._output = output
        self._selector = selector
        self._began = time.monotonic()
        self._process, self._pidfd, self._pipe = _spawned(order, environment)
        self.pid = self._process.pid
        self._deadline = deadline(order.script, self._began)
        self._kill_at = self._look_at = NEVER
        self._ending: tuple[str, str] | None = None
        self._exit: os.waitid_result | None = None
        self._has_left = self._is_killed = False
        self._looks_left = _LOOKS
        self._signalled: set[int] = set()
        self._watched: dict[int, int] = {}
        selector.register(self._pidfd, selectors.EVENT_READ, self._note_exit)
        selector.register(self._pipe, selectors.EVENT_READ, self._read)

    @property
    def due(self) -> float:
        """When something is to be done, by the monotonic clock."""
        return min(self._deadline, self._kill_at, self._look_at)

    def check_time(self, now: float) -> None:
        """End what takes too long; have what is left of it killed after the grace."""
        if now >= self._deadline:
            self.stop("timedout", too_long(self._script))
        if now >= self._kill_at:
            self._look_at = now

    def is_looked_for(self, now: float) -> bool:
        """Return whether its processes are to be looked for."""
        return now >= self._look_at

    def end_processes(self, found: set[int], now: float) -> None:
        """Send signals to what is alive; the run ends if nothing is."""
        if not found and self._exit is not None:
            self._drain()
            if self._pipe < 0 or self._looks_left == 0:
                self._finish()
            else:
                # Somebody has it open: a process that was not seen may be seen yet.
                self._looks_left -= 1
                self._look_at = now + _SHORTLY
            return
        # The main thread of a main process can end before its others, which hides it.
        found = found or {self.pid}
        self._has_left = self._has_left or self._exit is not None
        if self._kill_at == NEVER and not self._is_killed:
            self._kill_at = now + self._script.gracesec
        if now >= self._kill_at:
            self._kill_at = NEVER
            self._is_killed = True
        if self._is_killed:
            processes.send(found, signal.SIGKILL)
            self._look_at = now + LOOK_SECONDS
        else:
            processes.send(found - self._signalled, signal.SIGTERM)
            self._signalled |= found
            self._look_at = NEVER
        for pid in found - self._watched.keys():
            self._watch(pid)
        if self._exit is not None and not self._watched:
            self._look_at = now + _SHORTLY

    def stop(self, state: str, reason: str) -> None:
        """Begin the end of the command in that state, unless it has begun already."""
        if self._exit is None:
            # It may have ended in time, though nobody has looked since.
            self._note_exit()
        if self._ending is None and self._exit is None:
            self._ending = state, reason
            self._deadline = NEVER
            self._look_at = 0

    def kill(self) -> None:
        """Leave no more time to what is being ended."""
        if self._ending is not None or self._exit is not None:
            self._is_killed = True
            self._kill_at = NEVER
            self._look_at = 0

    def _read(self) -> None:
        """Take the next piece of the output."""
        try:
            piece = os.read(self._pipe, PIECE)
        except BlockingIOError:
            return
        if piece:
            self._output.write(piece)
        else:
            self._close_pipe()

    def _close_pipe(self) -> None:
        self._selector.unregister(self._pipe)
        self._pipe = _closed(self._pipe)

    def _note_exit(self) -> None:
        """Note how the main process has ended, if so; it is still to be waited for."""
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        self._exit = os.waitid(os.P_PID, self.pid, flags)
        if self._exit is None:
            return
        self._selector.unregister(self._pidfd)
        self._pidfd = _closed(self._pidfd)
        self._deadline = NEVER
        self._look_at = 0

    def _watch(self, pid: int) -> None:
        """Have the next look when ``pid`` has ended, and all others that are watched."""
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return

        def note() -> None:
            self._selector.unregister(descriptor)
            os.close(self._watched.pop(pid))
            if not self._watched:
                self._look_at = 0

        self._watched[pid] = descriptor
        self._selector.register(descriptor, selectors.EVENT_READ, note)

    def _finish(self) -> None:
        self._process.wait()
        for descriptor in self._watched.values():
            self._selector.unregister(descriptor)
            os.close(descriptor)
        if self._pipe >= 0:
            self._close_pipe()
        self._output.close()
        assert self._exit is not None
        has_exited = self._exit.si_code == os.CLD_EXITED
        number = self._exit.si_status
        if self._ending is not None:
            state, reason = self._ending
        elif has_exited and number == 0:
            state, reason = "succeeded", ""
        elif has_exited:
            state, reason = "failed", f"the command ended with exit code {number}"
        else:
            state, reason = "failed", f"the command was ended by {_signal_name(number)}"
        if self._has_left and self._ending is None:
            reason = joined(reason, "what it had left running was ended")
        self.outcome = ended(
            state,
            reason,
            self._began,
            self._output,
            exitcode=number if has_exited else None,
            signal=None if has_exited else number,
            is_retryable=state in ("failed", "timedout"),
        )

    def _drain(self) -> None:
        """Take what is in the pipe now, which somebody unknown may have open."""
        end, before = self._output.total + _IN_PIPE, -1
        while self._pipe >= 0 and before < self._output.total < end:
            before = self._output.total
            self._read()


def _spawned(
    order: Order, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start the command; return it, its descriptor, and where to read its output.

    Raises Invalid.
    """
    script = order.script
    with ExitStack() as opened, ExitStack() as on_failure:
        try:
            content = os.memfd_create("svctasks")
            opened.callback(os.close, content)
            source, target = os.pipe2(os.O_CLOEXEC)
            opened.callback(os.close, target)
            on_failure.callback(os.close, source)
            os.set_blocking(source, False)
            # The kernel takes it as a whole: it is memory.
            os.write(content, orjson.dumps(order.content))
            os.lseek(content, 0, os.SEEK_SET)
            process = subprocess.Popen(  # nosec B603
                script.command,
                stdin=content,
                stdout=target,
                stderr=target,
                cwd=script.cwd,
                env=environment,
                start_new_session=True,
            )
            try:
                pidfd = os.pidfd_open(process.pid)
            except OSError:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
        except OSError as error:
            run = order.run["id"]
            log.error("run %s: %s cannot be started: %s", run, script.code, error)
            is_folder = error.filename is not None and error.filename == script.cwd
            what = "folder of the command" if is_folder else "command"
            text = error.strerror or "no reason is known"
            fault = f"the {what} cannot be used: {text}; the log names it"
            raise Invalid(fault) from None
        on_failure.pop_all()
    return process, pidfd, source


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _closed(descriptor: int) -> int:
    os.close(descriptor)
    return -1
