"""Kinds of payloads: what a request and what a response say, read from the payload and the call that it is of."""

from datetime import datetime
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit

from django.db import models

from audit_trail.payloads.models import ApiPayload
from trading.values.outside import NotJson, json_of

P = TypeVar("P", bound=ApiPayload)

# A service says why it refuses under one of these names.
REASONS = ("error", "message", "detail", "error_description")


class _Requests(models.Manager["ApiRequest"]):
    def get_queryset(self) -> "models.QuerySet[ApiRequest]":
        return super().get_queryset().filter(type=ApiPayload.Type.REQUEST).select_related("request_of")


class _Responses(models.Manager["ApiResponse"]):
    def get_queryset(self) -> "models.QuerySet[ApiResponse]":
        return super().get_queryset().filter(type=ApiPayload.Type.RESPONSE).select_related("response_of")


class ApiRequest(ApiPayload):
    """What was sent. Its rows are those of payloads, each with its call."""

    objects: ClassVar[_Requests] = _Requests()

    class Meta:
        proxy = True
        verbose_name = "request"

    @property
    def endpoint(self) -> str:
        """The whole address, without secrets."""
        return self.request_of.endpoint

    @property
    def http_method(self) -> str:
        return self.request_of.method

    @property
    def params(self) -> dict[str, Any]:
        """What was asked for: the query's parameters, and the fields of a body in JSON."""
        asked: dict[str, Any] = dict(parse_qsl(urlsplit(self.endpoint).query, keep_blank_values=True))
        body = decoded(self)
        return asked | body if isinstance(body, dict) else asked


class ApiResponse(ApiPayload):
    """What came back. Its rows are those of payloads, each with its call."""

    objects: ClassVar[_Responses] = _Responses()

    class Meta:
        proxy = True
        verbose_name = "response"

    @property
    def status_code(self) -> int | None:
        return self.response_of.http_status_code

    @property
    def success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code <= 299

    @property
    def error(self) -> bool:
        return self.status_code is not None and self.status_code >= 400

    @property
    def error_message(self) -> str | None:
        """Why the service refused, in its words; None where it did not, or said nothing."""
        body = decoded(self)
        if not self.error or not isinstance(body, dict):
            return None
        return next((str(body[name]) for name in REASONS if body.get(name)), None)

    @property
    def json(self) -> Any:
        """The body, each number as it was written; None where it is no JSON, or was purged."""
        return decoded(self)


def decoded(payload: ApiPayload) -> Any:
    """Read a body as JSON, numbers exact; None where it is none."""
    text = payload.text
    if text is None or payload.text_encoding != ApiPayload.Encoding.TEXT:
        return None
    try:
        return json_of(text)
    except NotJson:
        return None


def requests(*, source: str | None = None, captured_before: datetime | None = None) -> "models.QuerySet[ApiRequest]":
    """The requests to a source, or to all, that were sent before a time, or ever; newest first."""
    return _narrowed(ApiRequest.objects.all(), source, captured_before)


def responses(
    *, source: str | None = None, captured_before: datetime | None = None, status: int | None = None
) -> "models.QuerySet[ApiResponse]":
    """The responses of a source, or of all, of before a time, or ever, with one status, or any; newest first."""
    rows = _narrowed(ApiResponse.objects.all(), source, captured_before)
    return rows if status is None else rows.filter(response_of__http_status_code=status)


def _narrowed(rows: "models.QuerySet[P]", source: str | None, before: datetime | None) -> "models.QuerySet[P]":
    if source is not None:
        rows = rows.filter(source=source)
    if before is not None:
        rows = rows.filter(captured_at__lt=before)
    return rows.order_by("-captured_at", "-id")
