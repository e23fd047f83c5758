"""The API over a store that fails."""

import pytest
from calls import unprotected
from webtest import TestApp

from app.bootstrap import use_cases


class Failing:
    """A store and a resource in which every act fails with ``error``."""

    def __init__(self, error):
        self._error = error

    def __getattr__(self, name):
        def fail(*_, **__):
            raise self._error

        return fail


@pytest.fixture
def failing(settings, clock):
    """Return the function from an error to the API over a store that raises it."""

    def over(error, prefix=""):
        store = Failing(error)
        does = use_cases(store, settings, clock)
        return TestApp(unprotected(store, does, settings, prefix))

    return over
