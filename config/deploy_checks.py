"""Deploy checks: what `manage.py check --deploy` tells beside what Django does."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(checks.Tags.security, deploy=True)
def pages_can_be_reached(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Tell of pages that send everyone on to https for ever."""
    if settings.HTTPS and not settings.PROXIES:
        return [
            checks.Warning(
                "pages go over TLS alone, and no proxy is believed about what it was asked over",
                hint="behind a proxy that ends TLS set PROXIES=1, else it is sent on to https for ever",
                id="hedgetrail.W001",
            )
        ]
    return []
