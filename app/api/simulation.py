"""Faults on purpose, for those who develop clients: slow replies and failures."""

import random
import time
from dataclasses import dataclass

from falcon import Response

from app.api.request_context import Request
from app.api.routes import ADDRESSES
from app.errors import Unavailable

SPARED = (ADDRESSES["get_health"], ADDRESSES["get_metrics"])
"""The addresses at which nothing is delayed or fails."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """Falcon middleware: what goes wrong, and how often.

    ``delay`` is in seconds; ``fail_rate`` is the part of the requests, from 0 to 1, that
    are answered with 503.
    """

    delay: float
    fail_rate: float

    def process_resource(
        self, request: Request, response: Response, resource: object, params: object
    ) -> None:
        """Delay or fail a request; raises Unavailable."""
        if request.uri_template in SPARED:
            return
        if self.delay:
            time.sleep(self.delay)
        if random.random() < self.fail_rate:  # nosec B311
            raise Unavailable("simulated failure; the server runs with a fail rate")
