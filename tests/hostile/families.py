"""The families of hostile inputs: what each draws, and what it is tried on."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import parsers
from edited_tokens import EditedTokens
from in_process import InProcess
from live import Live
from pages import Pages
from raw_requests import Requests
from senders import Senders
from shared import DATA
from stored import Stored

Try = Callable[[Random], object]
"""What draws one input by chance, and tries it; raises AssertionError."""


class Family(NamedTuple):
    """Inputs of one kind: ``part`` of a thousand, tried in batches of ``size``.

    ``opened`` is the context of a batch; what remains to be checked after it is checked
    when it ends. Each ``Try`` tries so many ``inputs``.
    """

    part: int
    size: int
    opened: Callable[[Path], AbstractContextManager[Try]]
    inputs: int = 1


@contextmanager
def _mutated(folder: Path) -> Iterator[Try]:
    with _in_process(folder) as target:
        yield lambda chance: target.exchange(Requests(chance).mutated().raw())


@contextmanager
def _broken(folder: Path) -> Iterator[Try]:
    with _in_process(folder) as target:

        def attempt(chance: Random) -> None:
            raw = Requests(chance).broken()
            place = chance.randrange(len(raw) + 1)
            target.exchange(raw[:place], raw[place:])

        yield attempt


@contextmanager
def _senders(folder: Path, behind_proxy: bool) -> Iterator[Try]:
    with _in_process(folder, behind_proxy=behind_proxy) as target:
        yield Senders(target, behind_proxy).try_request


@contextmanager
def _pages(folder: Path) -> Iterator[Try]:
    with _in_process(folder) as target:
        yield Pages(target).try_request


@contextmanager
def _in_process(folder: Path, **details: bool) -> Iterator[InProcess]:
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(DATA, data)
    target = InProcess(data, **details)
    yield target
    target.close()


@contextmanager
def _stored(folder: Path, attempt: Callable[[Stored, Random], None]) -> Iterator[Try]:
    shutil.rmtree(folder / "stored", ignore_errors=True)
    yield partial(attempt, Stored(folder / "stored"))


@contextmanager
def _edited_tokens(folder: Path) -> Iterator[Try]:
    shutil.rmtree(folder / "tokens", ignore_errors=True)
    yield EditedTokens(folder / "tokens").try_file


@contextmanager
def _live(folder: Path, kind: str) -> Iterator[Try]:
    data = folder / kind
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(DATA, data)
    server = Live(data, kind)
    try:
        yield server.try_connection
        server.check_state()
        server.stop()
    finally:
        server.kill()


@contextmanager
def _without_a_target(attempt: Try, folder: Path) -> Iterator[Try]:
    yield attempt


def _on(attempt: Callable[..., None]) -> Callable[[Path], AbstractContextManager[Try]]:
    return partial(_stored, attempt=attempt)


FAMILIES = {
    "requests": Family(280, 500, _mutated),
    "pages": Family(50, 500, _pages),
    "senders": Family(70, 500, partial(_senders, behind_proxy=False)),
    "senders behind a proxy": Family(30, 500, partial(_senders, behind_proxy=True)),
    "bytes": Family(150, 500, _broken),
    "values of parameters": Family(
        80, 1000, partial(_without_a_target, parsers.try_value)
    ),
    "texts of parameters": Family(
        80, 1000, partial(_without_a_target, parsers.try_text)
    ),
    "hypothesis": Family(
        part=40,
        size=500,
        opened=partial(_without_a_target, parsers.try_with_hypothesis),
        inputs=parsers.EXAMPLES,
    ),
    "lines of journals": Family(80, 2000, _on(Stored.try_line)),
    "journals": Family(10, 100, _on(Stored.try_journal)),
    "data files": Family(5, 100, _on(Stored.try_data_file)),
    "files of tokens": Family(5, 100, _edited_tokens),
    "imports": Family(40, 500, _on(Stored.try_import)),
    "backups": Family(10, 100, _on(Stored.try_restore)),
    "gunicorn": Family(35, 2500, partial(_live, kind="gunicorn")),
    "granian": Family(35, 2500, partial(_live, kind="granian")),
}
"""All families by name."""
