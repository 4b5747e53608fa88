"""Chromium: where it is on this machine, and how it is started. Nothing is downloaded: a system's package is used."""

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

OPTIONS = (
    "--no-sandbox",  # Its sandbox refuses root, and many a container.
    "--disable-dev-shm-usage",  # A container's shared memory is small.
    "--disable-gpu",
    # It asks for nothing by itself, so that whatever is asked for elsewhere was the page's doing.
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


class NoChromium(Exception):
    """None is installed."""


def chromium() -> str:
    """Return the program: the one that CHROMIUM names, else the first that is found. Raises NoChromium."""
    named = os.environ.get("CHROMIUM", "")
    found = [path for name in ([named] if named else NAMES) if (path := shutil.which(name))]
    if not found:
        looked = f"CHROMIUM names {named!r}, which is no program" if named else f"none of {', '.join(NAMES)} is there"
        raise NoChromium(
            f"no Chromium: {looked}. Install it (on Debian and Ubuntu `apt-get install chromium`), name it in "
            "CHROMIUM, or leave the tests in a browser out with `python -m tests --no-browser`"
        )
    return found[0]


@contextmanager
def started() -> "Iterator[Browser]":
    """A browser, until the end of the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()
