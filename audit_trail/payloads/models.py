"""Payloads and calls: a row for what was sent, a row for what came back, and a row for the call between them.

They are only added to. A call is completed once, by its answer or by the word that none came; a payload's body is
purged once, when it is old. The database refuses all else, see guards.
"""

import base64
import gzip
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

SOURCES = ("alpaca", "schwab", "quiverquant", "propublica", "fec", "fmp", "github", "rpc")
"""Whose services are called, for filters. The table takes any name: a call is not kept from leaving by a list."""


class ApiPayload(models.Model):
    """A request as it was sent, or a response as it was received after any compression was undone, without secrets."""

    class Type(models.TextChoices):
        REQUEST = "request"
        RESPONSE = "response"

    class Encoding(models.TextChoices):
        TEXT = "text", "text"
        BASE64 = "base64", "base64"
        """What is no text that a database keeps."""

        GZIP = "gzip", "gzip"
        """A long text, compressed, and then written as base64."""

    id = models.BigAutoField(primary_key=True)
    type = models.CharField(max_length=8, choices=Type.choices)
    source = models.CharField(max_length=40)
    captured_at = models.DateTimeField()
    headers = models.TextField(help_text="as JSON, a list of pairs in their order")
    body = models.TextField(null=True, help_text="empty once it was purged")
    encoding = models.CharField(
        max_length=6,
        choices=Encoding.choices,
        help_text="base64 where the bytes are no text that a database keeps, gzip where a long text was compressed",
    )
    size_bytes = models.BigIntegerField(help_text="of the whole body as it was")
    secrets = models.IntegerField(help_text="taken out of the body; with none it is byte for byte as it was")
    truncated = models.BooleanField(help_text="only the beginning of the body was kept")
    sha256 = models.CharField(
        max_length=64,
        help_text="of the whole body, its secrets taken out. Not of the body as it was: a short secret could be "
        "guessed from that. Where no secret was taken out, it is both",
    )
    purged_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        request_of: "ApiCallLog"
        response_of: "ApiCallLog"

    class Meta:
        db_table = "api_payloads"
        verbose_name = "payload"
        constraints = [
            models.CheckConstraint(
                condition=Q(body__isnull=True, purged_at__isnull=False) | Q(body__isnull=False, purged_at__isnull=True),
                name="api_payloads_purged_or_not",
            ),
            models.CheckConstraint(condition=Q(type__in=["request", "response"]), name="api_payloads_type"),
        ]
        indexes = [
            models.Index(fields=["source", "captured_at"], name="api_payloads_source"),
            # What a purge looks for.
            models.Index(
                fields=["captured_at"], condition=Q(purged_at=None, size_bytes__gt=0), name="api_payloads_unpurged"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    @property
    def text(self) -> str | None:
        """The body as text: base64 where it is none; None once it was purged."""
        if self.body is None or self.encoding != self.Encoding.GZIP:
            return self.body
        return gzip.decompress(base64.b64decode(self.body)).decode()

    @property
    def text_encoding(self) -> str:
        """How `text` is written: as itself, or as base64."""
        return self.Encoding.BASE64 if self.encoding == self.Encoding.BASE64 else self.Encoding.TEXT


class ApiCallLog(models.Model):
    """A call: what it was for, and how it ended. One that has no end was under way, or we died while it was."""

    id = models.BigAutoField(primary_key=True)
    # The run's own id. Runs come after payloads and know them, so this is no foreign key; a later migration can make
    # it one without touching a row, since what it holds is what it would refer to.
    run_id = models.UUIDField(null=True, help_text="the ingestion run that it was made for")
    reference = models.TextField(null=True, help_text="our id of the order, or without an order the purpose")
    purpose = models.TextField()
    source = models.CharField(max_length=40)
    method = models.CharField(max_length=10)
    endpoint = models.TextField(help_text="the whole address, without secrets")
    sent_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="when the answer was there, or it was clear that none comes")
    http_status_code = models.IntegerField(null=True, help_text="empty without an answer: it is never made up")
    duration_ms = models.IntegerField(null=True)
    rate_limit_remaining = models.IntegerField(null=True, help_text="how many more calls the service would take")
    correlation_id = models.TextField(null=True, help_text="what the service calls this call, for its support")
    error = models.TextField(null=True, help_text="why no answer came")
    request_payload = models.OneToOneField(ApiPayload, on_delete=models.PROTECT, related_name="request_of")
    response_payload = models.OneToOneField(ApiPayload, on_delete=models.PROTECT, null=True, related_name="response_of")

    class Meta:
        db_table = "api_call_logs"
        verbose_name = "call"
        constraints = [
            models.CheckConstraint(
                condition=Q(run_id__isnull=False) | (Q(reference__isnull=False) & ~Q(reference="")),
                name="api_call_logs_made_for_something",
            ),
            models.CheckConstraint(
                condition=(
                    # Under way; answered; or without an answer for a reason.
                    Q(ended_at__isnull=True, http_status_code__isnull=True, error__isnull=True)
                    & Q(response_payload__isnull=True)
                )
                | (
                    Q(ended_at__isnull=False, http_status_code__isnull=False, error__isnull=True)
                    & Q(response_payload__isnull=False)
                )
                | (
                    Q(ended_at__isnull=False, http_status_code__isnull=True, error__isnull=False)
                    & Q(response_payload__isnull=True)
                ),
                name="api_call_logs_one_end",
            ),
        ]
        indexes = [
            models.Index(fields=["reference", "id"], name="api_call_logs_reference"),
            models.Index(fields=["run_id", "id"], name="api_call_logs_run"),
            models.Index(fields=["source", "id"], name="api_call_logs_source"),
            models.Index(fields=["http_status_code", "id"], name="api_call_logs_status"),
            models.Index(fields=["correlation_id"], name="api_call_logs_correlation"),
            models.Index(fields=["sent_at"], condition=Q(ended_at=None), name="api_call_logs_unanswered"),
            # Hardly any, and looked at every few minutes.
            models.Index(fields=["ended_at"], condition=Q(http_status_code__gte=400), name="api_call_logs_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}"
