"""The execution of runs: commands and calls, many at once, from one thread.

An executor starts runs, takes their output, ends those that take too long, and says what
became of each. A command is the leader of a session of its own, without a shell, in a clean
environment. It gets its input as a file that is in memory only, so that one that reads
nothing holds up nothing. When its main process has ended, so must all that it has
started: they get SIGTERM and, after the grace, SIGKILL. The run ends when none is left.
Runner contract, sections 6, 7 and 8.

All is done in ``wait``, which the one thread that owns the executor calls again and again;
only a call by HTTP has a thread, which ends with its run. A reason is shown to clients, and
so has no command, address or secret in it; the log has the details.

**Caveats.** Linux only (pidfd, memfd, /proc). A process that nothing can kill, such as one
that waits for a disk that is gone, keeps its run active.
"""

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from app.errors import Invalid
from app.execution import environments, processes, run_outputs
from app.execution.call_jobs import CallJob
from app.execution.command_jobs import CommandJob
from app.execution.jobs import LOOK_SECONDS, NEVER, Job, Order, Outcome, not_started
from app.execution.left_jobs import LeftJob
from app.execution.run_outputs import Output, listed, remove

__all__ = ["Executor", "Order", "Outcome"]

log = logging.getLogger(__name__)

CLOSE_SECONDS = 10
"""How long an executor that closes waits for what it has killed."""


class Executor:
    """Runs scripts; ``folder`` has their outputs, ``url`` is the API for them.

    ``environ`` is the environment of the runner; ``echo`` gets all that runs print, too.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        environ: Mapping[str, str] = os.environ,
        echo: Callable[[bytes], None] | None = None,
    ) -> None:
        self._echo = echo
        self._folder = folder
        self._url = url
        self._environ = environments.restored(environ)
        self._jobs: dict[str, Job] = {}
        self._ended: list[tuple[str, Outcome]] = []
        self._selector = selectors.DefaultSelector()
        self._wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._note_wakeup)
        self._is_woken = False
        self._look_at = 0.0
        if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            # Else nobody could learn how a command ends, and all would succeed.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    @property
    def active(self) -> set[str]:
        """The ids of the runs that have not ended."""
        return set(self._jobs)

    def output_of(self, run: str) -> Path:
        """Return the file of the output of a run."""
        return run_outputs.file_of(self._folder, run)

    def outputs(self) -> set[str]:
        """Return the ids of the runs that have an output; raises OSError."""
        return listed(self._folder)

    def remove_output(self, run: str) -> None:
        """Remove the output of a run, if there is one; raises OSError."""
        remove(self.output_of(run))

    def start(self, order: Order) -> None:
        """Start a run; one that cannot be started is returned by ``wait``, as failed."""
        run = order.run["id"]
        try:
            # Somebody may have removed it since the runner began.
            self._folder.mkdir(mode=0o700, exist_ok=True)
            output = Output(self.output_of(run), self._echo)
        except OSError as error:
            log.error("run %s: its output cannot be kept: %s", run, error)
            reason = f"its output cannot be kept: {error.strerror}; the log names it"
            self._ended.append((run, not_started(reason)))
            return
        try:
            self._jobs[run] = self._job(order, output)
        except Invalid as error:
            output.close()
            self._ended.append((run, not_started(error.message)))

    def end_left(self, mark: processes.Mark) -> None:
        """Kill what a run of a dead runner has left on this host; it ends as lost.

        Runner contract, section 9.
        """
        self._jobs[mark.run] = LeftJob(mark, self.output_of(mark.run))

    def stop(self, run: str, reason: str) -> None:
        """Begin the end of a run, which ends as stopped; one that is ending goes on so.

        A command gets SIGTERM and, after its grace, SIGKILL; a call is cut.
        """
        if run in self._jobs:
            self._jobs[run].stop("stopped", reason)

    def kill(self, run: str) -> None:
        """Leave no more grace to a run that is being ended."""
        if run in self._jobs:
            self._jobs[run].kill()

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Return the runs that have ended, each once, as soon as there are any.

        Without any it returns after ``seconds``, or after ``wake``.
        """
        end = time.monotonic() + seconds
        while True:
            due = min(end, self._attend())
            is_over = self._ended or self._is_woken or time.monotonic() >= end
            left = 0 if is_over else max(0, due - time.monotonic())
            for key, _ in self._selector.select(left):
                key.data()
            if is_over:
                self._is_woken = False
                ended, self._ended = self._ended, []
                return ended

    def wake(self) -> None:
        """Have ``wait`` return; from any thread or signal handler."""
        os.eventfd_write(self._wakeup, 1)

    def close(self) -> None:
        """Kill what is active, and let go of everything; give up what nothing can end."""
        for run in self.active:
            self.stop(run, "the runner was stopped")
            self.kill(run)
        end = time.monotonic() + CLOSE_SECONDS
        while self._jobs and time.monotonic() < end:
            self.wait(LOOK_SECONDS)
        if not self._jobs:
            self._selector.close()
            os.close(self._wakeup)

    def _job(self, order: Order, output: Output) -> Job:
        """Begin a run; raises Invalid, its text for clients."""
        script, environ = order.script, self._environ
        if script.command:
            of_command = environments.of_command(script, order.run, self._url, environ)
            return CommandJob(order, of_command, output, self._selector)
        headers = environments.headers(script, environ)
        key = environments.key(script, environ)
        return CallJob(order, headers, key, output, self.wake)

    def _attend(self) -> float:
        """Do what is due, and return when something is due again at the earliest."""
        now = time.monotonic()
        for job in self._jobs.values():
            job.check_time(now)
        # One look at all processes serves all jobs that need one.
        looked_for = [job for job in self._jobs.values() if job.is_looked_for(now)]
        if looked_for and now >= self._look_at:
            try:
                found = processes.of_runs({job.mark: job.pid for job in looked_for})
            except OSError as error:
                # As without a free descriptor. What is not seen may be there.
                log.error("the processes of runs cannot be looked for: %s", error)
                self._look_at = now + LOOK_SECONDS
            else:
                for job in looked_for:
                    job.end_processes(found.get(job.mark, set()), now)
        for run, job in list(self._jobs.items()):
            if job.outcome is not None:
                del self._jobs[run]
                self._ended.append((run, job.outcome))
        due = min((job.due for job in self._jobs.values()), default=NEVER)
        return max(due, self._look_at)

    def _note_wakeup(self) -> None:
        os.eventfd_read(self._wakeup)
        self._is_woken = True
