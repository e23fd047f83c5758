"""Running servers, which get raw bytes over sockets."""

import math
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from selectors import EVENT_READ, DefaultSelector

from raw import connect, send
from raw_requests import Requests
from replies import answers, check, check_log
from running import Server
from shared import T

_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

OFTEN = 500
"""After how many connections the state is checked."""

MANY = 200
"""How many connections are open at once."""

QUIET = 2.0
"""Seconds without a byte after which the server waits for the client."""


@dataclass
class Exchange:
    """A connection on which ``raw`` was sent; it is ended when it is quiet."""

    client: socket.socket
    raw: bytes
    deadline: float
    received: bytearray = field(default_factory=bytearray)
    is_reset: bool = False

    def receive(self) -> bool:
        """Take what has come; return whether more may come."""
        try:
            data = self.client.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            # Granian leaves unread what follows a refusal.
            self.is_reset = True
            return False
        self.received += data
        self.deadline = max(self.deadline, time.monotonic() + QUIET)
        return bool(data)

    def end(self, now: float) -> None:
        """Send the end, if nothing has come for some time: then no answer is due.

        Granian drops what it has not answered when it sees the end.
        """
        if now > self.deadline:
            self.deadline = math.inf
            with suppress(OSError):
                self.client.shutdown(socket.SHUT_WR)


class Live:
    """A running server over ``folder``; what it replies is checked, and what it did."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._server = Server(folder, "--server", kind, SVCTASKS_FSYNC="never")
        self._places = [str(folder).encode()]
        self._acknowledged: set[bytes] = set()
        self._before = self._tasks()
        self._logged = 0
        self._since_check = 0
        self._waiting = DefaultSelector()

    def try_connection(self, chance: Random) -> None:
        """Send bytes, in one piece or several; check what has come back by now.

        So a fault may be that of an input before: its message shows what was sent.
        """
        raw = Requests(chance).broken()
        place = chance.randrange(len(raw) + 1) if chance.random() < 0.2 else len(raw)
        client = connect(self._server.port)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        send(client, (raw[:place], raw[place:]))
        client.setblocking(False)
        exchange = Exchange(client, raw, time.monotonic() + QUIET)
        self._waiting.register(client, EVENT_READ, exchange)
        self._receive(MANY)
        self._since_check += 1
        if self._since_check == OFTEN:
            self.check_state()

    def _receive(self, most: int) -> None:
        """Take what has come; wait until not more than ``most`` connections are open."""
        while True:
            open_ = len(self._waiting.get_map())
            events = self._waiting.select(0 if open_ <= most else 0.05)
            for key, _ in events:
                self._take(key.data)
            now = time.monotonic()
            for key in list(self._waiting.get_map().values()):
                key.data.end(now)
            if open_ <= most:
                return

    def _take(self, exchange: Exchange) -> None:
        if exchange.receive():
            return
        self._waiting.unregister(exchange.client)
        exchange.client.close()
        try:
            for answer in answers(bytes(exchange.received), exchange.is_reset):
                check(answer, self._places)
                if answer.is_success:
                    self._acknowledged.update(_ID.findall(answer.body))
        except AssertionError as error:
            raise AssertionError(f"{error}\nto {exchange.raw!r}") from None

    def check_state(self) -> None:
        """Check the log, and that no task is there whose creation nobody was told."""
        self._since_check = 0
        self._receive(0)
        mode = {"mode": "production"}
        assert self._server.request("POST", "/server/mode", mode).status == 200
        now = self._tasks()
        unknown = now - self._before - self._acknowledged
        self._acknowledged.clear()
        self._before = now
        assert not unknown, f"nobody was told of {unknown}"
        self._check_log(self._server.logged())
        for task in list(now)[100:]:
            self._server.request("DELETE", f"{T}/{task.decode()}")
        self._before = self._tasks()

    def _tasks(self) -> set[bytes]:
        listed = self._server.request("GET", f"{T}?mask=id").json
        return {each["id"].encode() for each in listed}

    def _check_log(self, text: str) -> None:
        end = text.rfind("\n") + 1
        check_log(text[self._logged : end], self._places)
        self._logged = end

    def stop(self) -> None:
        """Stop the server, which has to be alive until then; check its last words."""
        assert self._server.process.poll() is None, "the server has ended"
        code, text = self._server.stop()
        assert code == 0, code
        self._check_log(text)

    def kill(self) -> None:
        """End the server, whatever became of it."""
        for key in list(self._waiting.get_map().values()):
            key.data.client.close()
        self._waiting.close()
        if not self._server.process.stdout.closed:
            self._server.kill()
