"""Requests as pages of other origins send them, to a service that is open to programs."""

from random import Random

from in_process import InProcess
from raw_requests import Requests
from senders import MARKER

HOSTS = [
    b"evil.test",
    b"evil.test:8000",
    b"localhost.evil.test",
    b"127.0.0.1.evil.test:8000",
    b"evil.test:localhost",
    b"localhost@evil.test",
    b"localhost:8000@evil.test",
    b"evil.test#localhost",
    b"evil.test/localhost",
    b"evil.test,localhost",
    b"localhost,evil.test",
    b"localhost evil.test",
    b"[::1].evil.test",
    b"[evil.test]",
    b"xlocalhost",
    b"localhostx",
    b"128.0.0.1",
    b"0.0.0.0",
    b"192.0.2.1",
    b"[::2]",
    b"\xff",
]
"""Hosts that are not this service."""

ORIGINS = [
    b"null",
    b"",
    b"http://evil.test",
    b"http://localhost.evil.test",
    b"http://localhost:8000@evil.test",
    b"http://localhost:1",
    b"https://localhost",
    b"http://evil.test/http://localhost",
    b"http://localhost, http://evil.test",
    b"localhost",
    b"file://",
    b"\xff",
]
"""Origins that are not that of this service, which is http://localhost here."""

SITES = [b"cross-site", b"same-site", b"CROSS-SITE", b"cross-site, same-origin", b"x"]


class Pages:
    """Sends requests to ``target``; none may write, and none reads by another host."""

    def __init__(self, target: InProcess) -> None:
        self._target = target

    def try_request(self, chance: Random) -> None:
        """Send a request with a wrong Host, Origin or Sec-Fetch-Site."""
        requests = Requests(chance)
        sent = requests.mutated() if chance.random() < 0.5 else requests.valid()
        names = ("Host", "Origin", "Sec-Fetch-Site")
        fields = [each for each in sent.fields if each[0] not in names]
        host, marks = b"localhost", []
        match chance.randrange(3):
            case 0:
                host = chance.choice(HOSTS)
            case 1:
                marks = [("Origin", chance.choice(ORIGINS))]
            case 2:
                marks = [("Sec-Fetch-Site", chance.choice(SITES))]
        sent.fields = [("Host", host), *fields, *marks]
        before = self._target.versions()
        for answer in self._target.exchange(sent.raw()):
            if host != b"localhost":
                assert not answer.is_success, answer
                assert MARKER not in answer.body, answer
        assert self._target.versions() == before
