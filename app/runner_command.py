"""The command that starts the scripts of tasks."""

import sys

import click

from app.command_options import of_setting, where
from app.settings import Settings


@click.command()
@where
@of_setting("runner_runs", type=int, metavar="N")
@of_setting("runner_grace", type=float, metavar="SECONDS")
def runner(settings: Settings) -> None:
    """Start the scripts of tasks when they are due, until SIGTERM or Ctrl-C.

    Scripts are in svcscripts.json, which people write. Any number of runners may go on
    beside the server, on the same folder: each slot of a task is started once. A second
    signal cuts the wait for what runs. The exit code is 1 if the ends of some runs could
    not be written.

    Example: svctasks runner --data /var/lib/svctasks
    """
    from app import bootstrap, logs
    from app.log_stream import LogStream
    from app.runner_process import RunnerProcess

    stream = LogStream(sys.stderr)
    logs.configure(stream)
    store = bootstrap.open_store(settings)
    try:
        is_complete = RunnerProcess(settings, store).run()
    finally:
        store.close()
        stream.flush()
    if not is_complete:
        sys.exit(1)
