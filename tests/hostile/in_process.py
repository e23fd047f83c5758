"""The application behind gunicorn's parser, without sockets: fast, and all is seen."""

from io import StringIO
from pathlib import Path
from typing import Any

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from replies import Answer, answers, check, check_log

from app.bootstrap import check as findings
from app.bootstrap import open_service, open_store
from app.errors import Invalid
from app.gunicorn_requests import STATUS, Incoming
from app.launch import options
from app.settings import Settings

SAFE = ("GET", "HEAD", "OPTIONS", "LOOKUP", "QUERY", "TRACE")

TABLES = (
    "svctasks",
    "services",
    "extensions",
    "business_attributes",
    "workhours",
    "modes",
    "tokens",
)

PORT, ADDRESS = 50_000, ("127.0.0.1", 8000)


class _Kept:
    """A socket that keeps what is sent."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def sendall(self, data: bytes) -> None:
        self.sent += data


class InProcess:
    """A service over the data in ``folder``, which gets requests as bytes.

    Each reply is checked, and what it changed.
    """

    def __init__(self, folder: Path, **details: Any) -> None:
        self._settings = Settings.from_environment(
            data=folder, fsync="never", node="50e54938780c", **details
        )
        self._log = StringIO()
        self.service = open_service(self._settings, log=self._log)
        self.places = [str(folder).encode()]
        self._cfg = Config()
        for name, value in options(self._settings).items():
            self._cfg.set(name, value)

    def exchange(self, *pieces: bytes, client: str = "127.0.0.1") -> list[Answer]:
        """Return the replies to what ``client`` sends in ``pieces``, and then nothing.

        Raises AssertionError if a reply is not as it should be.
        """
        peer = (client, PORT)
        incoming = Incoming(self._cfg, peer, self._settings)
        replies: list[Answer] = []
        try:
            for piece in pieces:
                request = incoming.add(piece)
                while request is not None:
                    if not self._answer(request, peer, replies):
                        return replies
                    request = incoming.add(b"")
        except ParseException as error:
            # What the worker does: no request comes of it.
            replies.append(Answer(STATUS.get(type(error), 400), {}, b""))
            return replies
        request = incoming.end(Invalid("the body is cut"))
        if request is not None:
            self._answer(request, peer, replies)
        return replies

    def _answer(self, request: Request, peer: Any, replies: list[Answer]) -> bool:
        """Add the reply to a request; return whether the connection goes on."""
        before = self.versions()
        kept: Any = _Kept()
        response, environ = wsgi.create(request, kept, peer, ADDRESS, self._cfg)
        start: Any = response.start_response
        for part in self.service.application(environ, start):
            response.write(part)
        response.close()
        [answer] = answers(bytes(kept.sent))
        check(answer, self.places)
        if not answer.is_success or request.method in SAFE:
            after = self.versions()
            # The day on which a token was used last is noted at any time.
            after["tokens"] = before["tokens"]
            assert after == before, f"{answer.status} and a change"
        replies.append(answer)
        return not response.should_close()

    def versions(self) -> dict[str, Any]:
        """Return the version of each table."""
        store = self.service.store
        return {table: store.version(table) for table in TABLES}

    def close(self) -> None:
        """Close the service; check its log, and that all is there when it is opened anew.

        Raises AssertionError.
        """
        self.service.tokens.close()
        before = _contents(self.service.store)
        self.service.close()
        check_log(self._log.getvalue(), self.places)
        assert findings(self._settings) == []
        store = open_store(self._settings)
        try:
            assert _contents(store) == before
        finally:
            store.close()


def _contents(store: Any) -> list[Any]:
    return [record.document for table in TABLES for record in store.scan(table)]
