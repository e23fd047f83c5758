"""What a trusted proxy says of a request: its client, scheme, host and prefix.

A proxy adds to the end of ``X-Forwarded-For``, and what comes before was sent by others:
the client is the last address that is not one of a trusted proxy. Of the other headers the
last value counts. From any other peer, these headers are ignored. Access contract, section
5.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from falcon import Response

from app.api.request_context import Request
from app.errors import Invalid, cut
from app.hosts import address_of, name_in
from app.settings import PREFIX, TAKEN, Network

MAX_SEEN = 1024
"""How many addresses are cached."""

MAX_PREFIX = 200
"""Characters that a prefix may have."""

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


class Proxies:
    """Falcon middleware that takes client, scheme, host and prefix from trusted proxies.

    It comes before all that uses the client, the scheme, the host or the path.
    """

    def __init__(self, trusted: Iterable[Network]) -> None:
        self._networks = tuple(trusted)
        self._trusts = lru_cache(MAX_SEEN)(self._includes)

    def process_request(self, request: Request, response: Response) -> None:
        """Change the request by the headers of the proxy; raises Invalid."""
        environ = request.env
        if not self._trusts(environ.get("REMOTE_ADDR", "")):
            return
        if (chain := environ.get("HTTP_X_FORWARDED_FOR")) is not None:
            environ["REMOTE_ADDR"] = self._client(chain, environ["REMOTE_ADDR"])
        if scheme := _last(environ.get("HTTP_X_FORWARDED_PROTO")).lower():
            if scheme not in ("http", "https"):
                raise _invalid("X-Forwarded-Proto", scheme, "http or https")
            environ["wsgi.url_scheme"] = scheme
        if host := _last(environ.get("HTTP_X_FORWARDED_HOST")):
            if not name_in(host):
                raise _invalid(
                    "X-Forwarded-Host", host, "a host such as svctasks.example"
                )
            environ["HTTP_HOST"] = host
        if prefix := _last(environ.get("HTTP_X_FORWARDED_PREFIX")).rstrip("/"):
            _set_prefix(request, prefix)

    def _client(self, chain: str, peer: str) -> str:
        """Return the last address of ``chain`` that no trusted proxy has."""
        client = peer
        for given in reversed(chain.split(",")):
            address = _address(given.strip())
            if not address:
                break
            client = address
            if not self._trusts(address):
                break
        return client

    def _includes(self, address: str) -> bool:
        known = address_of(address)
        return known is not None and any(known in each for each in self._networks)


def _address(given: str) -> str:
    """Return the address in ``given``, which may have a port; "" if it is none."""
    if "%" in given:
        # A zone, which may be any text.
        return ""
    match = _WITH_PORT.fullmatch(given)
    try:
        return str(ip_address(match[1] or match[2] if match else given))
    except ValueError:
        return ""


def _last(values: str | None) -> str:
    return values.rpartition(",")[2].strip() if values else ""


def _set_prefix(request: Request, prefix: str) -> None:
    """Serve ``request`` under ``prefix``, whether the proxy has removed it or not."""
    if not PREFIX.fullmatch(prefix) or len(prefix) > MAX_PREFIX:
        raise _invalid("X-Forwarded-Prefix", prefix, "a path such as /outer")
    if (first := prefix.split("/")[1]) in TAKEN:
        raise Invalid(
            f'X-Forwarded-Prefix must not begin with "/{first}", where there are other '
            "addresses already"
        )
    environ = request.env
    environ["SCRIPT_NAME"] = prefix
    if f"{environ['PATH_INFO']}/".startswith(f"{prefix}/"):
        environ["PATH_INFO"] = environ["PATH_INFO"][len(prefix) :]
        request.path = request.path[len(prefix) :] or "/"
    elif environ.get("RAW_URI", "").startswith("/"):
        environ["RAW_URI"] = prefix + environ["RAW_URI"]


def _invalid(header: str, value: str, wanted: str) -> Invalid:
    return Invalid(f'{header} must be {wanted}, not "{cut(value)}"')
