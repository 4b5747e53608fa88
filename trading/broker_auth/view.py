"""Schwab auth view: one row, with the state of the login and its times; there is no token in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db import models

from eventstore.projections import Views
from eventstore.rows import upsert_rows
from eventstore.store import Recorded
from trading.broker_auth.aggregate import AuthState, SchwabAuth
from trading.broker_auth.events import SchwabAuthEvent

SCHWAB = "schwab"


class SchwabAuthView(models.Model):
    """What the events of our login at Schwab add up to."""

    id = models.CharField(max_length=20, primary_key=True)
    state = models.CharField(max_length=20)
    login_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True, help_text="when the newest access token was received")
    expires_at = models.DateTimeField(null=True, help_text="when the access token ends")
    refresh_expires_at = models.DateTimeField(null=True, help_text="when the login ends")
    lost_at = models.DateTimeField(null=True)
    lost_reason = models.TextField(null=True)
    stream_version = models.BigIntegerField(default=0)
    last_updated = models.DateTimeField()

    class Meta:
        db_table = "schwab_auth_view"
        verbose_name = "login"
        constraints = [models.CheckConstraint(condition=models.Q(id=SCHWAB), name="schwab_auth_view_one_row")]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


def columns(auth: SchwabAuth, *, version: int, at: datetime) -> dict[str, Any]:
    """Lay a login's state out in columns."""
    return {
        "id": auth.broker,
        "state": auth.state.value,
        "login_at": auth.login_at,
        "refreshed_at": auth.refreshed_at,
        "expires_at": auth.expires_at,
        "refresh_expires_at": auth.refresh_expires_at,
        "lost_at": auth.lost_at,
        "lost_reason": auth.lost_reason,
        "stream_version": version,
        "last_updated": at,
    }


def state_of(row: SchwabAuthView) -> SchwabAuth:
    """Read a login's state back from its row."""
    return SchwabAuth(
        broker=row.id,
        state=AuthState(row.state),
        login_at=row.login_at,
        refreshed_at=row.refreshed_at,
        expires_at=row.expires_at,
        refresh_expires_at=row.refresh_expires_at,
        lost_at=row.lost_at,
        lost_reason=row.lost_reason,
    )


class SchwabAuthProjector:
    """Keeps the view: evolves the same aggregate, and seeing an event twice changes nothing."""

    name = "schwab_auth_view"
    aggregate_type = SchwabAuth.aggregate_type

    def __init__(self, model: type[SchwabAuthView] = SchwabAuthView) -> None:
        self._model = model

    def project(self, batch: Sequence[Recorded]) -> None:
        rows = self._model._default_manager.filter(pk__in={recorded.aggregate_id for recorded in batch})
        states = {row.id: (state_of(row), row.stream_version) for row in rows}
        news: dict[str, datetime] = {}
        for recorded in batch:
            id = recorded.aggregate_id
            auth, version = states.get(id) or (SchwabAuth.initial(id), 0)
            if recorded.version <= version:
                continue  # Projected already.
            states[id] = auth.evolve(cast(SchwabAuthEvent, recorded.event)), recorded.version
            news[id] = recorded.recorded_at
        upsert_rows(
            self._model,
            [columns(states[id][0], version=states[id][1], at=at) for id, at in news.items()],
            key="id",
        )


SCHWAB_AUTH_VIEWS = Views(
    name="schwab_auth",
    version=1,
    tables=(SchwabAuthView,),
    projectors=lambda logins: [SchwabAuthProjector(logins)],
)
