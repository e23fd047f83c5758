"""The store contract on each back end."""

import pytest

for module in (
    "conformance",
    "conforming_documents",
    "conforming_feeds",
    "conforming_ids",
    "conforming_queries",
):
    pytest.register_assert_rewrite(module)

from conformance import Conformance  # noqa: E402
from notes import open_in_memory, open_in_postgres, open_notes  # noqa: E402


class TestFiles(Conformance):
    open = staticmethod(open_notes)


class TestMemory(Conformance):
    open = staticmethod(open_in_memory)


class TestPostgres(Conformance):
    open = staticmethod(open_in_postgres)
