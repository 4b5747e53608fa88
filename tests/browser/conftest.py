"""One installation and one browser for each process of the tests, and pages of which nobody may complain."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.child import PROJECT, Child, running
from tests.browser.chromium import NoChromium, started
from tests.browser.installation import CHIEF, OPERATOR
from tests.browser.signing import sign_in
from tests.browser.watching import Watch

SEED = 7
LONGEST_TEST_SECONDS = 300
"""The first test waits for the installation, too."""

LONGEST_WAIT_MS = 20_000
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

expect.set_options(timeout=LONGEST_WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(LONGEST_TEST_SECONDS))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        with started() as browser:
            yield browser
    except NoChromium as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def installation(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    # The browser comes first: without one there is no need to wait for an installation.
    with running(tmp_path_factory.mktemp("installation"), seed=SEED) as child:
        yield child


@pytest.fixture(scope="session")
def sessions(browser: Browser, installation: Child) -> dict[str, Any]:
    """What a browser keeps of a user who signed in, by user."""
    kept: dict[str, Any] = {}
    for user in (CHIEF, OPERATOR):
        with browser.new_context(base_url=installation.url) as context:
            sign_in(context.new_page(), user, installation.password)
            kept[user] = context.storage_state()
    return kept


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What the test's pages complained of: at the end there must be nothing that the test did not take out."""
    watch = Watch()
    yield watch
    assert watch.troubles == []


Open = Callable[..., Page]


@pytest.fixture
def open_as(
    browser: Browser, installation: Child, sessions: dict[str, Any], watch: Watch, request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Opens an empty page of somebody's own browser: `open_as(OPERATOR, viewport=PHONE)`; None has not signed in."""
    contexts: list[BrowserContext] = []

    def opened(user: str | None, **options: Any) -> Page:
        state = sessions[user] if user else None
        context = browser.new_context(
            **{"base_url": installation.url, "storage_state": state, "viewport": DESKTOP, **options}
        )
        context.set_default_timeout(LONGEST_WAIT_MS)
        contexts.append(context)
        watch.over(context)
        return context.new_page()

    yield opened
    for context in contexts:
        if watch.troubles or getattr(request.node, "failed", False):
            for number, page in enumerate(context.pages):
                name = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)
                page.screenshot(path=picture_folder() / f"failed-{name}-{number}.png")
        context.close()


@pytest.fixture
def page(open_as: Open) -> Page:
    """A page of somebody who may do everything."""
    return open_as(CHIEF)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    report = yield
    if report.when == "call" and report.failed:
        item.failed = True  # type: ignore[attr-defined]
    return report


def picture_folder() -> Path:
    """Where the run leaves its pictures; it is not committed."""
    folder = Path(os.environ.get("SCREENSHOTS") or PROJECT / ".screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Takes a picture of a page as it is: `picture(page, "kill-switch-on")`."""
    return lambda page, name: page.screenshot(path=picture_folder() / f"{name}.png")
