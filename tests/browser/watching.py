"""Watching: whatever a page complains of, or asks for and should not. A test that leaves any of it fails."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Frame, Request, Response

HERE = ("127.0.0.1", "localhost")
SCHEMES_OF_NO_HOST = ("data", "blob", "about")

GIVEN_UP = "net::ERR_ABORTED"
BY_ITSELF = ("fetch", "xhr", "other")

VIOLATIONS = """
document.addEventListener("securitypolicyviolation", violation => reportViolation(
    `${violation.effectiveDirective} of ${violation.blockedURI} at ${violation.sourceFile}:${violation.lineNumber}`
))
"""


@dataclass
class Watch:
    """What the pages of a context complained of since it was begun."""

    troubles: list[str] = field(default_factory=list)
    _asked_by: dict[Request, int] = field(default_factory=dict)
    """Of each request the page that asked for it, as the number of its frame's going there."""
    _pages: Counter[Frame] = field(default_factory=Counter)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"error on the page: {error.error}"))
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)
        context.expose_binding("reportViolation", self._violation)
        context.add_init_script(VIOLATIONS)

    def take(self, *words: str) -> list[str]:
        """Take out what a test expects, which has all of these words, and return it."""
        taken = [trouble for trouble in self.troubles if all(word in trouble for word in words)]
        self.troubles = [trouble for trouble in self.troubles if trouble not in taken]
        return taken

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.troubles.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in SCHEMES_OF_NO_HOST and url.hostname not in HERE:
            self.troubles.append(f"asked elsewhere: {request.url}")
        if request.is_navigation_request():
            self._pages[request.frame] += 1
        self._asked_by[request] = self._pages[request.frame]

    def _failed(self, request: Request) -> None:
        if request.failure == GIVEN_UP and self._is_missed_by_nobody(request):
            return
        self.troubles.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _is_missed_by_nobody(self, request: Request) -> bool:
        """What is under way when a page is left is given up by the browser; so is what a page has thought better of."""
        left = self._asked_by[request] < self._pages[request.frame]
        return left or request.resource_type in BY_ITSELF

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"answered {response.status}: {response.request.method} {response.url}")

    def _violation(self, source: dict[str, Any], what: str) -> None:
        self.troubles.append(f"against the policy: {what}")
