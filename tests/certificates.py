"""Certificates for tests, made by OpenSSL, and a server that shows them."""

import shutil
import signal
import socket
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple

from running import Server
from shared import PATIENCE

EC = "ec -pkeyopt ec_paramgen_curve:prime256v1"


class Pair(NamedTuple):
    """The files of a certificate, which vouches for itself, and of its key."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        """The certificate as a server sends it."""
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())

    def copy_to(self, other: "Pair") -> None:
        """Replace the files of ``other`` as a program that renews certificates does."""
        for new, old in zip(self, other, strict=True):
            draft = old.with_suffix(".new")
            shutil.copy(new, draft)
            draft.replace(old)


def make_pair(folder: Path, name: str, kind: str = EC, *options: str) -> Pair:
    """Make a certificate for 127.0.0.1 and localhost with a key of ``kind``."""
    given = options or ("-nodes",)
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    command = f"openssl req -x509 -newkey {kind} -days 2 -subj /CN={name}"
    subprocess.run(
        [
            *command.split(),
            "-addext",
            f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1",
            "-keyout",
            pair.key,
            "-out",
            pair.certificate,
            *given,
        ],
        check=True,
        capture_output=True,
    )
    return pair


class TlsServer(Server):
    """A server that speaks TLS with ``pair``, which it finds in the folder ``place``."""

    def __init__(
        self,
        data: Path,
        pair: Pair,
        *options: str,
        place: Path | None = None,
        **details: Any,
    ) -> None:
        self.pair = pair
        seen = [place / file.name if place else file for file in pair]
        given = "--tls-cert", str(seen[0]), "--tls-key", str(seen[1])
        super().__init__(data, *given, *options, **details)

    def context(self) -> ssl.SSLContext:
        """Return the context of a client that trusts the certificate as it is now."""
        return ssl.create_default_context(cafile=self.pair.certificate)

    def connect(self) -> HTTPSConnection:
        return HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, context=self.context()
        )

    def shown(self) -> bytes:
        """Return the certificate that a new connection is shown, whatever it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        address = "127.0.0.1", self.port
        with socket.create_connection(address, PATIENCE) as client:
            with context.wrap_socket(client) as secured:
                der = secured.getpeercert(binary_form=True)
        assert der is not None
        return der

    def reload(self) -> None:
        """Let the server read its certificate anew."""
        self.process.send_signal(signal.SIGHUP)
