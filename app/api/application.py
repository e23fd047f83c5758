"""The Falcon application, put together from ROUTES."""

from typing import Any

import falcon

from app import svctasks
from app.api import middleware, problems
from app.api.bodies import JSON
from app.api.routes import ROUTES
from app.api.svctasks import Svctasks


def create_application(tasks: svctasks.Svctasks, max_body: int) -> falcon.App[Any, Any]:
    """Return the application over the use cases of service tasks."""
    if "LOOKUP" not in falcon.COMBINED_METHODS:
        raise RuntimeError(
            "falcon was imported before app, which names the LOOKUP verb"
        )
    application = falcon.App(media_type=JSON)
    application.add_middleware(middleware.MethodOverride())
    application.add_middleware(middleware.KnownMethods())
    application.req_options.strip_url_path_trailing_slash = True
    problems.register(application)
    resources = {"svctasks": Svctasks(tasks, max_body)}
    for route in ROUTES:
        resource = resources[route.resource]
        application.add_route(route.template, resource, suffix=route.suffix)
    return application
