"""The runners of tests, as processes."""

import pytest
from real import end_left
from running import Runner


@pytest.fixture
def start():
    """Starts runners; nothing of them is left after the test."""
    started = []

    def start(folder, *options, **env):
        runner = Runner(folder, *options, **env)
        started.append((folder, runner))
        return runner

    yield start
    for _, runner in started:
        if runner.process.poll() is None:
            runner.kill()
    for folder, _ in started:
        end_left(folder)
