"""The certificate of the server and its private key, as they were last read.

A pair is checked before it is used: if a new one is wrong, the former stays in use. Access
contract, section 5.
"""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from app.errors import Invalid

log = logging.getLogger(__name__)

_PROTOCOLS = ["http/1.1"]
"""The protocols that are offered within TLS, by their names in ALPN."""


_MISMATCHES = (
    "KEY_VALUES_MISMATCH",
    "KEY_TYPE_MISMATCH",
    "NO_CERTIFICATE_ASSIGNED",
)
"""The reasons that OpenSSL gives for a key of another certificate."""


@dataclass(frozen=True)
class Certificate:
    """A chain of certificates and its private key, in PEM, and the context made of them.

    The context offers TLS 1.2 and 1.3 only.
    """

    chain: bytes
    key: bytes = field(repr=False)
    context: ssl.SSLContext = field(compare=False)


def read(chain: Path, key: Path) -> Certificate:
    """Read the files ``chain`` and ``key``; raises Invalid with what is wrong."""
    held = _content(chain), _content(key)
    if b"-----BEGIN CERTIFICATE-----" not in held[0]:
        raise Invalid(f"{chain} holds no certificate in the form of PEM")
    if b"PRIVATE KEY-----" not in held[1]:
        raise Invalid(f"{key} holds no private key in the form of PEM")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_PROTOCOLS)

    def refuse() -> NoReturn:
        # Else OpenSSL would ask for it on the terminal.
        raise Invalid(f"the key {key} has a passphrase, which nobody can type here")

    try:
        context.load_cert_chain(chain, key, password=refuse)
    except ssl.SSLError as error:
        if error.reason in _MISMATCHES:
            raise Invalid(
                f"the key {key} is not that of the certificate {chain}"
            ) from None
        reason = error.reason or str(error)
        raise Invalid(f"{chain} and {key} cannot be used: {reason}") from None
    return Certificate(*held, context)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {file}: {error.strerror}") from None


class InUse:
    """The certificate for new connections of this process, from ``chain`` and ``key``.

    ``check`` raises Invalid for one that the server cannot use; so does the constructor.
    """

    def __init__(
        self, chain: Path, key: Path, check: Callable[[Certificate], None]
    ) -> None:
        self._files = chain, key
        self._check = check
        self._is_outdated = False
        self._certificate = read(chain, key)
        check(self._certificate)

    def outdate(self, signal: int, frame: object) -> None:
        """Handle a signal: the files have changed, and its sender has checked them."""
        self._is_outdated = True

    def current(self) -> Certificate:
        """Return the certificate; the files are read again after a signal."""
        if self._is_outdated:
            self._is_outdated = False
            self._replace(check=lambda certificate: None)
        return self._certificate

    def renew(self) -> bool:
        """Read the files again, and return whether the server can use them.

        If it cannot, log the reason and keep the former certificate.
        """
        return self._replace(self._check)

    def _replace(self, check: Callable[[Certificate], None]) -> bool:
        try:
            certificate = read(*self._files)
            if certificate == self._certificate:
                return True
            check(certificate)
        except Invalid as error:
            log.error("the certificate is not replaced: %s", error.message)
            return False
        self._certificate = certificate
        log.info("new connections get a new certificate")
        return True
