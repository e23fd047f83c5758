"""The runners of tests, as processes."""

import pytest
from real import end_left
from running import Runner
from world import end_all_worlds


@pytest.fixture(autouse=True)
def _ended():
    """End what a test has opened in a database."""
    yield
    end_all_worlds()


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
