"""How long a server waits, the same for both servers."""

GRACE = 30
"""Seconds that requests in flight have when the server stops."""

PROGRESS = 15
"""Seconds after which a worker is replaced that shows no sign of life."""

STUCK = 4
"""A request that takes so many times PROGRESS lets its worker be replaced."""

LINGER = 2.0
"""Seconds for which a closing connection, or a stopping worker, waits for a client."""
