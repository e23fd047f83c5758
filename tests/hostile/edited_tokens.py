"""Tables of tokens that somebody has edited: no fault in one opens the service to all."""

import json
import shutil
from io import StringIO
from pathlib import Path
from random import Random

from mutation import Mutator
from senders import MARKER
from shared import DATA, T
from webtest import TestApp

from app.bootstrap import open_service, open_store
from app.errors import Error
from app.settings import Settings
from app.tokens import Tokens

FILE = "tokens.json"

DIGEST = b'"sha256"'
"""What a table with a token has in it."""


class EditedTokens:
    """A folder with tokens, whose file is changed before the service starts, or later."""

    def __init__(self, folder: Path) -> None:
        self._sound = folder / "sound"
        self._changed = folder / "changed"
        shutil.copytree(DATA, self._sound)
        store = open_store(self._settings(self._sound))
        tokens = Tokens(store)
        for role in ("reader", "writer", "admin"):
            tokens.create(role, role)
        tokens.close()
        store.close()

    def _settings(self, folder: Path) -> Settings:
        return Settings.from_environment(data=folder, fsync="never")

    def try_file(self, chance: Random) -> None:
        """Change the file of tokens, and send a request without a token."""
        mutate = Mutator(chance)
        sound = (self._sound / FILE).read_bytes()
        if mutate.often(0.5):
            content = mutate.content(sound)
        else:
            content = mutate.spelled(mutate.value(json.loads(sound)))
        shutil.rmtree(self._changed, ignore_errors=True)
        shutil.copytree(self._sound, self._changed)
        is_later = mutate.often(0.3)
        if mutate.often(0.3):
            # As a person could do who wants to begin anew.
            (self._changed / f"{FILE}.journal").unlink(missing_ok=True)
        if not is_later:
            (self._changed / FILE).write_bytes(content)
        log = StringIO()
        try:
            service = open_service(self._settings(self._changed), log=log)
        except Error as error:
            assert error.message and str(self._changed) not in error.message
            return
        try:
            if is_later:
                (self._changed / FILE).write_bytes(content)
            reply = TestApp(service.application).get(T, expect_errors=True)
        finally:
            service.close()
        assert str(self._changed) not in reply.text
        if reply.status_int == 200:
            assert DIGEST not in content, f"open to all, with {content!r}"
        else:
            assert reply.status_int in (401, 503), reply
            assert MARKER not in reply.body
