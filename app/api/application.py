"""The Falcon application, put together from the routes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import falcon
from falcon.routing import CompiledRouter

from app import (
    business_attributes,
    modes,
    runners,
    runs,
    services,
    starts,
    svcscripts,
    svctasks,
)
from app.api import bodies, middleware, problems
from app.api.access_log import AccessLog
from app.api.authentication import Authentication
from app.api.browsers import Browsers
from app.api.business_attributes import BusinessAttributes
from app.api.entrance import Entrance
from app.api.extensions import ExtensionSchemas, ExtensionValues
from app.api.failed_attempts import FailedAttempts
from app.api.pages import OF_CONSOLE, OF_DOCS, TRUSTED, Page
from app.api.proxies import Proxies
from app.api.request_context import Request
from app.api.request_limits import RequestLimits
from app.api.routes import Route, routes
from app.api.server import Health, Metrics, Mode, OpenApi, Status, WhoAmI
from app.api.services import Services
from app.api.simulation import Simulation
from app.api.starts import Starts
from app.api.states_and_tasks import StatesAndTasks
from app.api.svcruns import Svcruns
from app.api.svcscript_runtimes import SvcscriptRuntimes
from app.api.svcscripts import Svcscripts
from app.api.svctasks import Svctasks
from app.hosts import Hosts, listed
from app.pacing import Pacing
from app.schemas.service import LEVELS, STATES, TASKS
from app.settings import Settings
from app.storage import Store
from app.tokens import Tokens


class _Application(falcon.App[Request, falcon.Response]):
    """Falcon without methods that it refuses before any of our middleware sees them.

    WEBSOCKET is a name of ASGI; here it is a method that no address supports.
    """

    _META_METHODS = frozenset()


class _Router(CompiledRouter):
    """Falcon's router, which takes from ROUTES what answers at an address."""

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Any]:
        """Return the responders of ``resource`` by method; ``route`` names them."""
        route: Route = kwargs["route"]
        return route.responders(resource)

    def find(self, uri: str, req: Any = None) -> Any:
        """Return the route of an address, which begins with one slash; None if none.

        Falcon ignores all slashes before a path. A link to "//rest" leads to another host.
        """
        if uri[:1] != "/" or uri[1:2] == "/":
            return None
        return super().find(uri, req)


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases that the resources offer."""

    svctasks: svctasks.Svctasks
    services: services.Services
    starts: starts.Starts
    runs: runs.Runs
    runners: runners.Runners
    svcscripts: svcscripts.Svcscripts
    business_attributes: business_attributes.BusinessAttributes
    modes: modes.Modes


def create_application(
    store: Store,
    use_cases: UseCases,
    tokens: Tokens,
    access_log: AccessLog,
    pacing: Pacing,
    settings: Settings,
    seconds: Callable[[], float],
) -> falcon.App[Request, falcon.Response]:
    """Return the application over ``store`` and the use cases.

    ``seconds`` returns the time in seconds since 1970.
    """
    if "LOOKUP" not in falcon.COMBINED_METHODS:
        raise RuntimeError(
            "falcon was imported before app, which names the LOOKUP verb"
        )
    prefix, limits = settings.services_prefix, RequestLimits.of(settings)
    hosts = Hosts(settings.bound, listed(settings.hosts))
    browsers = Browsers(hosts, listed(settings.cors_origins), tokens.has_tokens)
    all_routes = routes(prefix)
    application = _Application(request_type=Request, router=_Router())
    # Falcon would add a type to a reply that has no body.
    application.resp_options.default_media_type = None  # type: ignore[assignment]
    application.add_middleware(access_log)
    application.add_middleware(browsers.permissions)
    application.add_middleware(middleware.Headers(all_routes))
    if networks := settings.trusted_networks:
        application.add_middleware(Proxies(networks))
    application.add_middleware(middleware.MethodOverride())
    application.add_middleware(browsers)
    authentication = Authentication(
        all_routes,
        tokens,
        FailedAttempts(seconds),
        is_open=settings.is_local,
        is_read_only=settings.read_only,
    )
    application.add_middleware(authentication)
    application.add_middleware(middleware.ServicesApi(all_routes, use_cases.modes))
    application.add_middleware(bodies.WholeBodies(limits))
    if settings.delay_seconds or settings.fail_rate:
        simulation = Simulation(settings.delay_seconds, settings.fail_rate)
        application.add_middleware(simulation)
    application.req_options.strip_url_path_trailing_slash = True
    problems.register(application, prefix, all_routes)
    of_services = use_cases.services
    resources: dict[str, object] = {
        "svctasks": Svctasks(use_cases.svctasks, pacing, limits),
        "starts": Starts(use_cases.starts, pacing),
        "svcruns": Svcruns(use_cases.runs, pacing, limits),
        "svcscript_runtimes": SvcscriptRuntimes(use_cases.runs, pacing, limits),
        "svcscripts": Svcscripts(use_cases.svcscripts, use_cases.svctasks),
        "services": Services(of_services, pacing, limits.items),
        "states": StatesAndTasks(STATES, of_services),
        "tasks": StatesAndTasks(TASKS, of_services),
        "business_attributes": BusinessAttributes(use_cases.business_attributes),
        "status": Status(use_cases.modes, access_log),
        "mode": Mode(use_cases.modes),
        "health": Health(store, use_cases.runners),
        "metrics": Metrics(store, access_log, use_cases.runners),
        "whoami": WhoAmI(),
        "openapi": OpenApi(prefix),
        "entrance": Entrance(prefix),
        "documentation": Page("docs", OF_DOCS),
        "console": Page("console", OF_CONSOLE, TRUSTED),
    }
    for level in LEVELS.values():
        values = ExtensionValues(level, of_services)
        schemas = ExtensionSchemas(level, of_services.extensions)
        resources |= {f"{level.noun}_values": values, f"{level.noun}_schemas": schemas}
    for route in all_routes:
        application.add_route(route.address, resources[route.resource], route=route)
    return application
