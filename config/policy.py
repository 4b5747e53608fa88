"""Policy: what a page may load and run, told to the browser with each answer.

The admin's pages are django-unfold's. They have no inline script, so none runs; their Alpine.js makes functions of
texts, for which it needs `unsafe-eval`, and they carry inline styles. What is no page may load nothing.
"""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

NOTHING: dict[str, Any] = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
PAGES: dict[str, Any] = {
    "DIRECTIVES": NOTHING
    | {
        "script-src": [SELF, UNSAFE_EVAL],
        "script-src-attr": [NONE],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
    }
}


class PolicyMiddleware(CSPMiddleware):
    """Gives pages the policy of pages, and whatever else is answered the one of nothing."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and not response.headers.get("Content-Type", "").startswith("text/html"):
            parts.config = NOTHING
        return parts
