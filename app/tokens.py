"""Tokens: who may send requests. They are created, listed, revoked, and recognized.

The table has the SHA-256 of each token. The digests are cached for one version of the
table, which each request compares: a new token, a revocation and an edit by hand count from
the next request on, in every worker, and no request reads a file.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from math import inf

from app import token_text
from app.access import Role
from app.datetimes import of_seconds
from app.derived import Derived
from app.errors import Conflict, NotFound
from app.logs import Failures
from app.schemas import token as schema
from app.storage import Document, NextId, Store

log = logging.getLogger(__name__)

TABLE = schema.NAME

RETRY = 60
"""Seconds before the use of a token is recorded again, if that failed."""

MAX_SEEN = 64
"""How many headers are cached with their tokens."""

DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; ``last_used`` is a day, or empty.

    ``valid_until`` and ``noted_until`` are in seconds since 1970: when it expires, if it
    does, and when the day ends on which it was used last.
    """

    name: str
    role: Role
    created: str
    expires: str
    last_used: str
    digest: bytes
    valid_until: float
    noted_until: float


@dataclass(frozen=True, slots=True)
class Known:
    """The tokens by digest, as the table has them.

    ``seen`` caches the headers that had one of them, ``MAX_SEEN`` at most: to compute the
    digest takes as long as all other work for a token.
    """

    by_digest: Mapping[bytes, Token]
    seen: dict[str, Token] = field(default_factory=dict)

    def recognized(self, token: str) -> Token | None:
        """Return what is known of a token that was sent, even if it has expired."""
        digest = sha256(token.encode()).digest()
        found = self.by_digest.get(digest)
        # A dictionary does not compare in constant time. That can disclose digests only,
        # which nobody can choose; the comparison that decides is in constant time.
        if found is None or not compare_digest(found.digest, digest):
            return None
        return found

    def remember(self, header: str, token: Token) -> None:
        """Cache that ``header`` has ``token``."""
        if len(self.seen) >= MAX_SEEN:
            self.seen.clear()
        self.seen[header] = token


class Tokens:
    """The tokens in a table; ``now`` returns the time in seconds since 1970.

    If ``is_use_noted`` is false, the use of tokens is not recorded.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], float] = time.time,
        is_use_noted: bool = True,
    ) -> None:
        self._store = store
        self._now = now
        self._is_use_noted = is_use_noted
        self._known = Derived(store, TABLE, self._read)
        self._noting = threading.Lock()
        self._noted: dict[str, float] = {}
        self._failures = Failures(log)

    def create(self, name: str, role: str, lifetime: timedelta | None = None) -> str:
        """Add a token and return it; only its digest is kept. Raises Invalid, Conflict."""
        token = token_text.new()
        now = self._now()
        document = {
            "name": name,
            "role": role,
            "sha256": sha256(token.encode()).hexdigest(),
            "created": of_seconds(now),
        }
        if lifetime is not None:
            document["expires"] = of_seconds(now + lifetime.total_seconds())
        try:
            self._store.insert(TABLE, schema.loaded(document, 0, ""))
        except Conflict:
            raise Conflict(f'there is a token "{name}" already') from None
        return token

    def all(self) -> list[Token]:
        """Return all tokens in the order of their names, expired ones too."""
        return [_token(record.document) for record in self._store.scan(TABLE)]

    def revoke(self, name: str) -> None:
        """Remove a token; raises NotFound."""
        try:
            self._store.remove(TABLE, name)
        except NotFound:
            raise NotFound(f'there is no token "{name}"') from None

    def has_tokens(self) -> bool:
        """Return whether there is a token, even if it has expired; raises Unavailable."""
        return bool(self.known().by_digest)

    def known(self) -> Known:
        """Return the tokens as they are now; raises Unavailable."""
        return self._known.current()

    def _read(self) -> Known:
        tokens = self.all()
        names = {token.name for token in tokens}
        # Of a list: another thread may add to the dictionary meanwhile.
        noted = list(self._noted.items())
        self._noted = {name: time for name, time in noted if name in names}
        return Known({token.digest: token for token in tokens})

    def is_valid(self, token: Token) -> bool:
        """Return whether a token has not expired."""
        return self._now() < token.valid_until

    def admits(self, token: Token) -> bool:
        """Return whether a token has not expired, and if so record that it is used."""
        now = self._now()
        if now >= token.valid_until:
            return False
        if now >= token.noted_until and self._is_use_noted:
            self.note_use(token)
        return True

    def note_use(self, token: Token) -> None:
        """Record the day on which a token was used last.

        A thread does so, once a day: no request waits for it or fails because of it.
        """
        now = self._now()
        if self._noted.get(token.name, -inf) + RETRY <= now:
            self._noted[token.name] = now
            day = of_seconds(now)[:10]
            threading.Thread(
                target=self._note, args=(token.name, day), daemon=True
            ).start()

    def close(self) -> None:
        """Finish the record that is being written, and write none from now on."""
        with self._noting:
            self._is_use_noted = False

    def _note(self, name: str, day: str) -> None:
        def used(old: Document, _: NextId) -> Document:
            return old if old.get("last_used") == day else {**old, "last_used": day}

        with self._noting:
            if not self._is_use_noted:
                return
            try:
                self._store.update(TABLE, name, used)
            except NotFound:
                # It was revoked meanwhile.
                pass
            except Exception as error:
                self._failures.note("last use of tokens", error)
            else:
                self._failures.end("last use of tokens")


def _token(document: Document) -> Token:
    expires, last_used = document.get("expires", ""), document.get("last_used", "")
    return Token(
        name=document["name"],
        role=document["role"],
        created=document["created"],
        expires=expires,
        last_used=last_used,
        digest=bytes.fromhex(document["sha256"]),
        valid_until=_seconds(expires) if expires else inf,
        noted_until=_seconds(f"{last_used}T00:00:00Z") + DAY if last_used else -inf,
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
