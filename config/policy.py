"""Policy: what a page may load and run, told to the browser with each answer.

The admin's pages are django-unfold's. They have no inline script, so none runs. What they need besides was measured in
a browser, on every page that the sidebar links to: their Alpine.js makes functions of texts (`unsafe-eval`, 45 to 61
times a page), and sets a style attribute on lists with actions; there are two inline sheets, each let through by its
hash; no image is a `data:` address. What is no page may load nothing.
"""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

NOTHING: dict[str, Any] = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
THEME_SHEET = "'sha256-KIUiz8iabhU3kFQSs1bR0QpbIjuAiNDdCXMb00xFLp8='"
"""The colours of config.admin_site, as the theme writes them into each page."""

HTMX_SHEET = "'sha256-bsV5JivYxvGywDAZ22EZJKBFip65Ng9xoJVLbBg7bdo='"
"""What the theme's htmx adds to each page."""

PAGES: dict[str, Any] = {
    "DIRECTIVES": NOTHING
    | {
        "script-src": [SELF, UNSAFE_EVAL],
        "script-src-attr": [NONE],
        "style-src": [SELF],
        "style-src-elem": [SELF, THEME_SHEET, HTMX_SHEET],
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
    }
}

STRICT = csp_replace({"script-src": [SELF], "style-src-elem": [SELF], "style-src-attr": [NONE]})
"""For views whose pages have scripts and styles in files alone, which the admin's theme has not."""

SWAGGER = csp_replace({"script-src": [SELF], "style-src-elem": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]})
"""For the page on which the API is tried: it has a sheet of its own, and draws its icons from texts."""


class PolicyMiddleware(CSPMiddleware):
    """Gives pages the policy of pages, and whatever else is answered the one of nothing."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and not response.headers.get("Content-Type", "").startswith("text/html"):
            parts.config = NOTHING
        return parts
