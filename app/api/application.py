"""The Falcon application, put together from ROUTES."""

from typing import Any

import falcon

from app import svctasks
from app.api import middleware, problems
from app.api.bodies import JSON
from app.api.observation import Observer
from app.api.routes import ROUTES
from app.api.server import Health, Metrics
from app.api.simulation import Simulation
from app.api.svctasks import Svctasks
from app.storage import Store


def create_application(
    store: Store,
    tasks: svctasks.Svctasks,
    max_body: int,
    simulation: Simulation,
    observer: Observer,
) -> falcon.App[Any, Any]:
    """Return the application over ``store`` and the use cases of service tasks."""
    if "LOOKUP" not in falcon.COMBINED_METHODS:
        raise RuntimeError(
            "falcon was imported before app, which names the LOOKUP verb"
        )
    application = falcon.App(media_type=JSON)
    application.add_middleware(observer)
    application.add_middleware(middleware.MethodOverride())
    application.add_middleware(middleware.KnownMethods())
    if simulation.is_on:
        application.add_middleware(simulation)
    application.req_options.strip_url_path_trailing_slash = True
    problems.register(application)
    resources = {
        "svctasks": Svctasks(tasks, max_body),
        "health": Health(store),
        "metrics": Metrics(store, observer),
    }
    for route in ROUTES:
        resource = resources[route.resource]
        application.add_route(route.template, resource, suffix=route.suffix)
    return application
