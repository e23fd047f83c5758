"""The table of addresses; ``test_readme.py`` compares it with those of the README."""

from inspect import getsource

import pytest

from app.api import routes
from app.api.openapi.operations import OPERATIONS
from app.api.routes import ROUTES

VERBS = [
    (method, verb, route.template)
    for route in ROUTES
    for method, verb in route.verbs.items()
]


@pytest.mark.parametrize("address", [route.template for route in ROUTES])
def test_an_address_is_found_once_and_whole_in_the_source(address):
    assert getsource(routes).count(f'"{address}"') == 1


def test_each_operation_has_a_name_of_its_own_and_is_described():
    assert sorted(verb.operation for _, verb, _ in VERBS) == sorted(OPERATIONS)


@pytest.mark.parametrize(("method", "verb", "address"), VERBS)
def test_a_reader_may_only_read_and_nobody_needs_more_to_read_tasks_and_services(
    method, verb, address
):
    if method not in ("GET", "LOOKUP", "QUERY"):
        assert verb.role in ("writer", "admin")
    elif address.startswith(routes.SERVICE_TRAFFIC + ("/rest",)):
        assert verb.role == "reader"
