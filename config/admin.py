"""Logins in the admin, and the ways from its rows to the stories of the desk.

Who logged in, and who tried in vain, django-axes keeps; nothing of it can be changed. Of authenticators the admin shows
nothing: pages of django-otp's would show their keys.
"""

from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django_otp.plugins.otp_static import admin as _recovery_pages  # noqa: F401  # It registers its pages now,
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _totp_pages  # noqa: F401  # as does this one, and not later.
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit_trail.decisions.admin import TradeDecisionAdmin
from eventstore.offers import Button
from eventstore.read_only import ReadOnlyAdmin
from trading.offchain_order.admin import OrderAdmin
from trading.position.admin import PositionAdmin

admin.site.unregister([TOTPDevice, StaticDevice])


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """A name that was tried in vain from an address, since its last success."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    fields = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent", "path_info")
    search_fields = ("username", "ip_address")
    search_help_text = "A name or an address"


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    """A login that went well."""

    list_display = ("attempt_time", "username", "ip_address", "logout_time")
    fields = ("attempt_time", "username", "ip_address", "logout_time", "user_agent")
    search_fields = ("username", "ip_address")
    search_help_text = "A name or an address"


def _story(permission: str, page: str, key: str) -> Any:
    """A button to the story of a row, for whoever may see it."""

    def offered(request: HttpRequest, row: Any) -> list[Button]:
        if not request.user.has_perm(permission):
            return []
        return [Button("Story", reverse(page, args=[getattr(row, key)]), "primary")]

    return offered


PositionAdmin.further_buttons.append(_story("trading.view_tradeaccumulator", "desk-symbol", "symbol"))
OrderAdmin.further_buttons.append(_story("trading.view_offchaintrade", "desk-order", "pk"))
TradeDecisionAdmin.further_buttons.append(_story("audit_trail.view_tradedecision", "desk-decision", "decision_id"))
