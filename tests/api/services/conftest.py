"""Fixtures of the services API: the application over data files that a person wrote."""

import json

import pytest
from service_calls import start
from webtest import TestApp

from app.bootstrap import open_service


@pytest.fixture
def opened_over(settings, clock, log):
    """Return the function from documents of tables to the service over such files."""
    services = []

    def over(**tables):
        settings.data.mkdir(exist_ok=True)
        for name, documents in tables.items():
            (settings.data / f"{name}.json").write_text(json.dumps(documents))
        services.append(open_service(settings, clock, log))
        return services[-1]

    yield over
    for each in services:
        each.close()


@pytest.fixture
def api_over(opened_over):
    """Return the function from documents of tables to the API over such files."""
    return lambda **tables: TestApp(opened_over(**tables).application)


@pytest.fixture(params=["services", "states", "tasks"])
def level(request):
    """Each of the levels at which there are extensions."""
    return request.param


@pytest.fixture
def owner(api, level):
    """The address of a service, or of a state or task in it."""
    service = start(api)
    return service if level == "services" else start(api, f"{service}/{level}")
