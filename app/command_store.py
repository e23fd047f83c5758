"""The store of a data folder, for the commands that need one to exist."""

from collections.abc import Iterator
from contextlib import contextmanager

from app import bootstrap
from app.command_options import require_folder
from app.settings import Settings
from app.storage import Store


@contextmanager
def existing_store(settings: Settings) -> Iterator[Store]:
    """Open the store of a folder that must exist; raises NotFound as well."""
    require_folder(settings)
    store = bootstrap.open_store(settings)
    try:
        yield store
    finally:
        store.close()
