"""Logins in the admin: whether we may act at a broker, for how long still, and under which key its tokens lie."""

from datetime import datetime, timedelta

from django.contrib import admin
from django.utils import timezone

from eventstore.cells import badge, lines, list_link, pretty_json, short, shown, timeline_link
from eventstore.read_only import ReadOnlyAdmin
from trading.broker_auth.aggregate import AuthState, SchwabAuth
from trading.broker_auth.logins import BrokerLogin
from trading.broker_auth.outbox import AuthNote
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView


def span(since: datetime | None, until: datetime | None) -> str:
    """Tell how long it is from one time to another, in days, hours and minutes."""
    if since is None or until is None:
        return shown(None)
    if until < since:
        return badge("over", "danger")
    days, rest = divmod((until - since) // timedelta(minutes=1), 24 * 60)
    hours, minutes = divmod(rest, 60)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


@admin.register(SchwabAuthView)
class SchwabAuthViewAdmin(ReadOnlyAdmin):
    """Our login at Schwab, as its events tell of it."""

    list_display = ("id", "may_act", "login_at", "age", "login_needed_in", "refreshed_at", "token_left", "why_lost")
    fieldsets = (
        (None, {"fields": ("id", "may_act", "login_at", "age", "refresh_expires_at", "login_needed_in")}),
        ("Access token", {"fields": ("refreshed_at", "expires_at", "token_left")}),
        ("Loss", {"fields": ("lost_at", "lost_reason")}),
        ("Trail", {"fields": ("trail", "stream_version", "last_updated")}),
    )
    search_fields = ("id",)
    search_help_text = "A broker"
    ordering = ("id",)

    @admin.display(description="state")
    def may_act(self, row: SchwabAuthView) -> str:
        if row.state != AuthState.AUTHENTICATED:
            return badge("log in", "danger")
        over = row.refresh_expires_at is None or row.refresh_expires_at <= timezone.now()
        return badge("log in", "danger") if over else badge("logged in", "success")

    @admin.display(description="age of the login")
    def age(self, row: SchwabAuthView) -> str:
        return span(row.login_at, timezone.now())

    @admin.display(description="login needed in")
    def login_needed_in(self, row: SchwabAuthView) -> str:
        if row.state != AuthState.AUTHENTICATED:
            return badge("now", "danger")
        return span(timezone.now(), row.refresh_expires_at)

    @admin.display(description="access token lasts")
    def token_left(self, row: SchwabAuthView) -> str:
        return span(timezone.now(), row.expires_at)

    @admin.display(description="lost")
    def why_lost(self, row: SchwabAuthView) -> str:
        return short(row.lost_reason)

    def trail(self, row: SchwabAuthView) -> str:
        kind = SchwabAuth.aggregate_type
        return lines(
            [
                list_link("eventstore.storedevent", "events", aggregate_type=kind, aggregate_id__exact=row.id),
                timeline_link(kind, row.id),
                list_link("trading.brokertoken", "tokens", broker__exact=row.id),
                list_link("trading.notice", "notices", kind__exact="login_needed"),
            ]
        )


@admin.register(BrokerToken)
class BrokerTokenAdmin(ReadOnlyAdmin):
    """That there is a token, since when, until when, and under which key; neither it nor its ciphertext is shown."""

    list_display = ("broker", "kind", "key_id", "fetched_at", "expires_at", "left")
    fields = ("broker", "kind", "key_id", "encryption_version", "fetched_at", "expires_at", "left")
    search_fields = ("broker", "key_id")
    search_help_text = "A broker, or the id of a key"
    ordering = ("broker", "kind")

    @admin.display(description="lasts")
    def left(self, row: BrokerToken) -> str:
        return span(timezone.now(), row.expires_at)


@admin.register(BrokerLogin)
class BrokerLoginAdmin(ReadOnlyAdmin):
    """Who is refreshing tokens, and what came of it last."""

    list_display = ("broker", "login_at", "lost_at", "claimed_until", "retry_at", "refused_at")
    fields = (
        "broker",
        "login_at",
        "lost_at",
        "lost_reason",
        "claims",
        "stored_claim",
        "claimed_until",
        "retry_at",
        "refused_at",
        "refusals",
    )
    search_fields = ("broker",)
    search_help_text = "A broker"
    ordering = ("broker",)


@admin.register(AuthNote)
class AuthNoteAdmin(ReadOnlyAdmin):
    """What happened to a login and is no event yet; a row that stays for long needs a look at the log of `tokens`."""

    list_display = ("id", "broker", "noted_at", "what")
    fields = ("id", "broker", "noted_at", "what")
    search_fields = ("broker",)
    search_help_text = "A broker"
    ordering = ("id",)

    def what(self, row: AuthNote) -> str:
        return pretty_json(row.command)
