"""The resource of service scripts, of which replies show no command, address or secret.

Runner contract, section 11.
"""

from falcon import Response

from app import svcscripts
from app.api import bodies, parameters
from app.api.entity_tags import send
from app.api.request_context import Request
from app.svctasks import Svctasks


class Svcscripts:
    """Answers requests for the scripts there are; ``tasks`` use them."""

    def __init__(self, scripts: svcscripts.Svcscripts, tasks: Svctasks) -> None:
        self._svcscripts = scripts
        self._svctasks = tasks

    def on_get(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        shown = [
            {**script.shown(), "used": self._svctasks.count_of(script.code)}
            for script in self._svcscripts.all()
        ]
        send(request, response, bodies.encode(shown))
