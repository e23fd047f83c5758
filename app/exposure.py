"""What a server needs before programs on other machines may reach it.

Access contract, section 5.
"""

from app.errors import Invalid
from app.settings import Settings


def check(settings: Settings, has_tokens: bool) -> None:
    """Raise Invalid, with the options to add, if others could read, write or listen."""
    if settings.is_local:
        return
    lacks = []
    if not has_tokens:
        lacks.append(
            "a token, so that nobody reads or writes without one: make it with svctasks "
            f"token create NAME --role admin --data {settings.data}"
        )
    if not (settings.tls_cert or settings.behind_proxy or settings.insecure):
        lacks.append(
            "TLS, so that nobody reads tokens on their way: add --tls-cert FILE and "
            "--tls-key FILE; or --behind-proxy, if a proxy on this machine has TLS; or "
            "--insecure, to go without"
        )
    if lacks:
        where = "by a proxy" if settings.behind_proxy else f"at {settings.address}"
        raise Invalid(
            f"others can reach this server {where}, so it needs " + "; and ".join(lacks)
        )
