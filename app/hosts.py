"""Host names and origins as browsers send them.

A page of any site can let its own name resolve to 127.0.0.1, so that its scripts have the
same origin as a service there. Its name still comes in the header Host: the service answers
for the names that it knows only. An address cannot be rebound in this way. Access contract,
section 2.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

ANY = "*"
"""In place of a host or an origin: all of them."""

Address = IPv4Address | IPv6Address

_HOST = re.compile(
    r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::[0-9]{0,5})?"
)

_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
)

_USUAL_PORTS = {"http": ":80", "https": ":443"}
"""The ports that browsers leave out."""


class Hosts:
    """The hosts that a service answers for: those ``named``, ``bound`` and loopback.

    ``bound`` is the host that it listens on. If that means all addresses of the machine, it
    answers for every address.
    """

    def __init__(self, bound: str, named: Iterable[str]) -> None:
        lower = {name.lower() for name in named}
        known = lower | {"localhost", bound.lower()}
        found = {name: address_of(name) for name in known}
        self._names = {name for name, address in found.items() if address is None}
        self._addresses = {address for address in found.values() if address is not None}
        self._is_any = ANY in lower
        # An address that is asked for is always one of the machine.
        self._has_all_addresses = any(each.is_unspecified for each in self._addresses)

    def include(self, host: str) -> bool:
        """Return whether ``host``, the value of a header Host, is one of them."""
        if self._is_any:
            return True
        name = name_in(host)
        address = address_of(name)
        if address is None:
            return name in self._names
        return (
            address.is_loopback or address in self._addresses or self._has_all_addresses
        )


def name_in(host: str) -> str:
    """Return the name or address in a header Host; "" if the header is malformed.

    It is in lower case, without the port and without a dot at the end.
    """
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach what listens on ``host``.

    Any name but "localhost" may get another address later.
    """
    address = address_of(host.lower())
    return host.lower() == "localhost" if address is None else address.is_loopback


def reachable(bound: str) -> str:
    """Return where programs of this machine reach what listens on ``bound``."""
    address = address_of(bound)
    if address is None or not address.is_unspecified:
        return bound
    return "127.0.0.1" if address.version == 4 else "[::1]"


def own_origin(scheme: str, host: str) -> str:
    """Return the origin of pages that are served at ``host`` by ``scheme``."""
    return f"{scheme}://{host.lower().removesuffix(_USUAL_PORTS.get(scheme, ' '))}"


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a setting, which are separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def faults_of_hosts(names: Iterable[str]) -> Iterator[str]:
    """Return what is wrong with the names of hosts in a setting."""
    for name in names:
        host = name.lower()
        if name != ANY and address_of(host) is None and name_in(host) != host:
            yield (
                "must be names or addresses without a port, such as svctasks.example, or "
                f'{ANY} for any, not "{name}"'
            )


def faults_of_origins(origins: Iterable[str]) -> Iterator[str]:
    """Return what is wrong with the origins in a setting."""
    for origin in origins:
        match = _ORIGIN.fullmatch(origin)
        if origin == ANY or match and match[3] != _USUAL_PORTS.get(match[1], " "):
            continue
        yield (
            "must be origins as browsers send them, such as https://app.example: in lower "
            "case, without the usual port and without a path; or "
            f'{ANY} for any; not "{origin}"'
        )


def address_of(name: str) -> Address | None:
    """Return the address that ``name`` is, with or without brackets, if it is one."""
    in_brackets = name.startswith("[") and name.endswith("]")
    try:
        address = ip_address(name[1:-1] if in_brackets else name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
