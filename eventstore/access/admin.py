"""Tokens in the admin: who has which, until when, and when it was used. They are made and revoked by `api_token`."""

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from eventstore.access.tokens import ApiToken
from eventstore.cells import badge
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin

COLOURS = {"valid": "success", "expired": "warning", "revoked": "danger"}
STATES = {
    "valid": Q(revoked_at=None, expires_at__gt=Now()),
    "expired": Q(revoked_at=None, expires_at__lte=Now()),
    "revoked": Q(revoked_at__isnull=False),
}


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens, newest first."""

    list_display = ("key", "name", "user", "scopes", "state", "created_at", "expires_at", "last_used_at")
    list_filter = (choices_filter("state", STATES),)
    list_select_related = ("user",)
    search_fields = ("key", "name")
    search_help_text = "The key of a token, or its name"
    fields = ("key", "name", "user", "scopes", "state", "created_at", "expires_at", "revoked_at", "last_used_at")

    def state(self, row: ApiToken) -> str:
        word = row.state(timezone.now())
        return badge(word, COLOURS[word])
