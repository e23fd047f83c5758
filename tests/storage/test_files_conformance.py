"""The store contract on JSON files."""

import pytest

pytest.register_assert_rewrite("conformance")

from conformance import Conformance  # noqa: E402
from notes import open_notes  # noqa: E402


class TestFiles(Conformance):
    open = staticmethod(open_notes)
