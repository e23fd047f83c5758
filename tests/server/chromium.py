"""Chromium, which the tests of pages drive without a screen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright
from shared import PATIENCE

CHROMIUM = shutil.which("chromium")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs the browser chromium (Debian: apt install chromium)"
)

ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # It would refuse to run as root; it visits nothing but the server of the test.
    "--no-sandbox",
]


@contextmanager
def launched(*further: str) -> Iterator[Browser]:
    """Yield a browser, which is closed in the end; it gets ``further`` arguments."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*ARGUMENTS, *further],
            timeout=PATIENCE * 1000,
        )
        yield browser
        browser.close()
