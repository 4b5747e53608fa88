"""Alerts as rows: the channels that are told, and what each was told of, is to be told of, or was not."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from audit_trail.alerts.severity import Severity
from trading.notices.models import Notice


class AlertChannel(models.Model):
    """A way to people. Its address is a secret: it is known here by its scheme and a hash of the address."""

    name = models.CharField(max_length=40, primary_key=True)
    first_seen_at = models.DateTimeField(help_text="what was over by then it is not told of")
    last_sent_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0, help_text="in a row")
    last_error = models.TextField(null=True, help_text="of the last try, where it failed")

    class Meta:
        db_table = "alert_channels"
        verbose_name = "alert channel"

    def __str__(self) -> str:
        return self.name


class About(models.TextChoices):
    """What a delivery tells."""

    OPENED = "opened", "opened"
    REMINDED = "reminded", "reminded"
    """It is open still."""

    RESOLVED = "resolved", "resolved"
    SUMMARY = "summary", "summary"
    """Of a trading day."""


class DeliveryState(models.TextChoices):
    """What became of a delivery."""

    PENDING = "pending", "pending"
    SENT = "sent", "sent"
    """The service took it. Whether somebody has read it, nobody knows."""

    FAILED = "failed", "failed"
    """We gave up. A notice says so."""

    SKIPPED = "skipped", "skipped"
    """There was nothing to tell any more."""


class AlertDelivery(models.Model):
    """One thing that is told on one channel. It is stored before it is sent, and sent until the channel has it."""

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(AlertChannel, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    about = models.CharField(max_length=8, choices=About.choices)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, null=True, related_name="deliveries")
    summary_day = models.DateField(null=True, help_text="the trading day, of a summary")
    turn = models.IntegerField(default=0, help_text="counts reminders, and what an operator had sent again")
    severity = models.CharField(max_length=8, choices=Severity.choices)
    state = models.CharField(max_length=7, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(help_text="not before")
    attempts = models.IntegerField(default=0)
    last_error = models.TextField(null=True, help_text="of the last try, or why nothing was sent; without secrets")
    ended_at = models.DateTimeField(null=True, help_text="when it was sent, given up, or had nothing to tell")
    said_over = models.BooleanField(default=False, help_text="the message said that the matter is over")
    held_by = models.CharField(max_length=80, null=True, help_text="the process that sends it")
    held_until = models.DateTimeField(null=True, help_text="past it, the process is taken for dead: it is sent again")
    asked_by = models.CharField(max_length=150, null=True, help_text="who had it sent again")
    reason = models.TextField(null=True, help_text="why it was sent again")

    class Meta:
        db_table = "alert_deliveries"
        verbose_name = "alert delivery"
        verbose_name_plural = "alert deliveries"
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel", "about", "turn"], name="alert_deliveries_once"),
            models.UniqueConstraint(
                fields=["summary_day", "channel", "turn"],
                condition=Q(summary_day__isnull=False),
                name="alert_deliveries_summary_once",
            ),
            models.CheckConstraint(
                condition=Q(about=About.SUMMARY, notice=None, summary_day__isnull=False)
                | (~Q(about=About.SUMMARY) & Q(notice__isnull=False, summary_day=None)),
                name="alert_deliveries_of_something",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.PENDING, ended_at=None)
                | (~Q(state=DeliveryState.PENDING) & Q(ended_at__isnull=False, held_by=None)),
                name="alert_deliveries_one_end",
            ),
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values, about__in=About.values, severity__in=Severity.values),
                name="alert_deliveries_known_words",
            ),
            models.CheckConstraint(
                condition=Q(asked_by=None, reason=None) | Q(asked_by__isnull=False, reason__isnull=False),
                name="alert_deliveries_asked_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_attempt_at"], condition=Q(state="pending"), name="alert_deliveries_pending"
            ),
            # What a sweep looks for: what was told last, and of which notices.
            models.Index(fields=["channel", "about", "ended_at"], name="alert_deliveries_told"),
        ]

    def __str__(self) -> str:
        return f"{self.about} on {self.channel_id}"

    @property
    def matter(self) -> Notice:
        """Its notice. Raises ValueError for a summary, which has none."""
        if self.notice is None:
            raise ValueError(f"expected a delivery of a notice, was the summary of {self.summary_day}")
        return self.notice

    @property
    def subject(self) -> str:
        """What it is about, in a few words."""
        return str(self.notice) if self.notice is not None else f"summary of {self.summary_day}"


def is_free(at: datetime) -> Q:
    """Tell which deliveries no process is at."""
    return Q(held_by=None) | Q(held_until__lte=at)
