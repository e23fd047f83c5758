"""Who may do what: the roles, and the one rule for them.

Each role may do what those before it may. Every operation names the role that it needs, in
``app.api.routes``; a sender has the role of its token.
"""

from typing import Literal

Role = Literal["anyone", "reader", "writer", "admin"]

ANYONE: Role = "anyone"
READER: Role = "reader"
WRITER: Role = "writer"
ADMIN: Role = "admin"

OF_TOKENS: tuple[Role, ...] = (READER, WRITER, ADMIN)
"""The roles that a token may have."""

_RANKS = {role: rank for rank, role in enumerate((ANYONE, *OF_TOKENS))}


def allows(role: Role, needed: Role) -> bool:
    """Return whether a sender with ``role`` may do what needs the role ``needed``."""
    return _RANKS[role] >= _RANKS[needed]


def refusal(role: Role, needed: Role) -> str:
    """Return why a sender with ``role`` may not do what needs ``needed``; "" if it may."""
    if allows(role, needed):
        return ""
    if role == ANYONE:
        return f'this needs a token with the role "{needed}"'
    return f'this needs the role "{needed}"; the token has the role "{role}"'
