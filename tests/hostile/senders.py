"""Requests by senders with and without tokens: nobody reads or writes beyond their role."""

from base64 import b64encode
from random import Random
from typing import Any, NamedTuple

from in_process import InProcess
from raw_requests import Requests, Sent
from replies import Answer

MARKER = b"Debtor calls"
"""What only who may read can know; no request has it in it."""

REFUSALS = (400, 401, 403, 413, 414, 417, 421, 429, 431, 501)
"""What a sender without a token may be answered."""

OPEN = b"/health"

OF_ADMINS = ("extensions", "modes", "tokens")
"""The tables that only an admin may change."""


class Sender(NamedTuple):
    """Who sends: ``may_read`` and ``may_write``; an admin may do all."""

    authorization: bytes
    role: str


class Senders:
    """Sends requests to a service that has tokens, and checks what they could do."""

    def __init__(self, target: InProcess, is_behind_proxy: bool = False) -> None:
        self._target = target
        self._is_behind_proxy = is_behind_proxy
        tokens = target.service.tokens
        self._tokens = {
            role: tokens.create(role, role) for role in ("reader", "writer", "admin")
        }
        target.places += [token.encode() for token in self._tokens.values()]

    def try_request(self, chance: Random) -> None:
        """Send a request with an Authorization, or with none."""
        requests = Requests(chance)
        sent = requests.mutated() if chance.random() < 0.7 else requests.valid()
        sender = self._sender(chance, requests)
        fields = [each for each in sent.fields if each[0] != "Authorization"]
        if sender.authorization:
            place = chance.randrange(len(fields) + 1)
            fields.insert(place, ("Authorization", sender.authorization))
        sent.fields = fields
        self._misplace(chance, sent)
        before = self._versions()
        # Each from an address of its own: few failed attempts are answered with 401.
        client = f"192.0.{chance.randrange(256)}.{chance.randrange(256)}"
        if self._is_behind_proxy:
            sent.fields.append(("X-Forwarded-For", client.encode()))
            client = "127.0.0.1"
        for answer in self._target.exchange(sent.raw(), client=client):
            self._check(answer, sender, sent)
        after = self._versions()
        changed = [table for table in after if after[table] != before[table]]
        if sender.role in ("", "reader"):
            # The day on which a token was used last is noted in its table.
            assert not {*changed} - {"tokens"}, (sender, changed)
        if sender.role == "writer":
            assert not {*changed} & {*OF_ADMINS} - {"tokens"}, (sender, changed)

    def _check(self, answer: Answer, sender: Sender, sent: Sent) -> None:
        if sender.role:
            return
        assert MARKER not in answer.body, answer
        is_open = sent.target.partition(b"?")[0].rstrip(b"/").endswith(OPEN)
        if is_open or answer.status in REFUSALS:
            assert b'"tables"' not in answer.body, answer
            return
        raise AssertionError(f"a sender without a token gets {answer}")

    def _sender(self, chance: Random, requests: Requests) -> Sender:
        """Return who sends; one whose token is changed has no role."""
        role = chance.choice(("", "", "reader", "reader", "writer", "admin"))
        if not role:
            return Sender(self._wrong(chance, requests), "")
        token = self._tokens[role].encode()
        if chance.random() < 0.5:
            sound = b"%b %b" % (chance.choice((b"Bearer", b"bearer", b"BEARER")), token)
        else:
            sound = b"Basic " + b64encode(role.encode() + b":" + token)
        if chance.random() < 0.3:
            raw = requests.mutate.content(sound)
            changed = raw.translate(None, b"\0\r\n").strip()
            # It may be accepted, and then is as good as before.
            return Sender(changed, role)
        return Sender(sound, role)

    def _wrong(self, chance: Random, requests: Requests) -> bytes:
        token = self._tokens[chance.choice(list(self._tokens))].encode()
        flipped = bytearray(token)
        flipped[chance.randrange(len(token))] ^= 1
        other = b64encode(b"nobody:" + token)
        return chance.choice(
            (
                b"",
                b"",
                b"Bearer",
                b"Bearer " + bytes(flipped).translate(None, b"\0\r\n"),
                b"Bearer " + token[:-1],
                b"Bearer " + token + b"0",
                b"Bearer svct_",
                b"Basic " + other,
                b"Basic " + b64encode(token),
                b"Basic " + b64encode(b"reader:"),
                b"Basic Og==",
                b"Basic \xff",
                b"Digest " + token,
                token,
            )
        )

    def _misplace(self, chance: Random, sent: Sent) -> None:
        """Put a token where it does not belong, so that it could be shown."""
        if chance.random() > 0.1:
            return
        token = self._tokens[chance.choice(list(self._tokens))].encode()
        match chance.randrange(4):
            case 0:
                mark = b"&" if b"?" in sent.target else b"?"
                sent.target += mark + b"access_token=" + token
            case 1:
                sent.target = b"/services/" + token
            case 2:
                sent.fields.append(("X-Request-Id", token))
            case 3:
                sent.fields.append(("X-HTTP-Method-Override", token))

    def _versions(self) -> dict[str, Any]:
        return self._target.versions()
