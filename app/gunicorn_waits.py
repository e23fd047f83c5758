"""The connections of gunicorn's worker that wait for their clients, and until when."""

import math
import time
from functools import partial
from selectors import BaseSelector

from app.gunicorn_connections import Connection, Wait


class Waits:
    """All waits of a worker, in the order in which it closes connections for room."""

    def __init__(self, poller: BaseSelector, waits: tuple[Wait, ...]) -> None:
        self._poller = poller
        self._waits = waits
        self._longest = math.inf

    def begin(self, connection: Connection, wait: Wait) -> None:
        """Let ``connection`` wait from now on, and no more for what it waited for."""
        self.end(connection)
        connection.wait = wait
        wait.deadlines[connection] = time.monotonic() + min(wait.seconds, self._longest)
        if wait.react != connection.react:
            self.unwatch(connection)
            connection.react = wait.react
            react = partial(wait.react, connection)
            self._poller.register(connection.socket, wait.event, react)

    def end(self, connection: Connection) -> None:
        """Let ``connection`` wait no more; its events are still watched."""
        if connection.wait is not None:
            del connection.wait.deadlines[connection]
            connection.wait = None

    def unwatch(self, connection: Connection) -> None:
        """Let no event of ``connection`` be seen until it waits again."""
        if connection.react is not None:
            connection.react = None
            self._poller.unregister(connection.socket)

    def first(self) -> Connection | None:
        """Return the connection to close if there is no room; None if none waits."""
        return next((one for wait in self._waits for one in wait.deadlines), None)

    def late(self) -> list[Connection]:
        """Return the connections whose deadlines are over."""
        now = time.monotonic()
        late = []
        for wait in self._waits:
            for connection, deadline in wait.deadlines.items():
                if deadline > now:
                    break
                late.append(connection)
        return late

    def shorten(self, seconds: float) -> None:
        """Let each connection wait for ``seconds`` at most, from now or from its begin."""
        self._longest = seconds
        latest = time.monotonic() + seconds
        for wait in self._waits:
            for connection, deadline in wait.deadlines.items():
                wait.deadlines[connection] = min(deadline, latest)
