"""Answers: the forms in which calls are told over HTTP, for the schema."""

from typing import Any

from rest_framework import serializers

Form = serializers.Serializer[Any]

PAYLOAD = {
    "id": 41,
    "captured_at": "2026-03-02T14:30:03.101112Z",
    "size_bytes": 30,
    "secrets": 2,
    "truncated": False,
    "sha256": "ab" * 32,
    "purged_at": None,
}
CALL = {
    "id": 12,
    "source": "alpaca",
    "method": "POST",
    "endpoint": "https://paper-api.alpaca.markets/v2/orders",
    "reference": "ht-k3v9x2bc-17-1",
    "purpose": "submit",
    "run": None,
    "sent_at": "2026-03-02T14:30:03.101112Z",
    "ended_at": "2026-03-02T14:30:03.301112Z",
    "http_status_code": 200,
    "duration_ms": 200,
    "rate_limit_remaining": 199,
    "correlation_id": "77af",
    "error": None,
    "request": PAYLOAD,
    "response": PAYLOAD,
    "url": "https://hedge.example.com/api/v1/calls/12/",
}
WHOLE_PAYLOAD = {**PAYLOAD, "headers": [["content-type", "application/json"]], "encoding": "utf-8", "body": "{}"}
WHOLE_CALL = {**CALL, "request": WHOLE_PAYLOAD, "response": WHOLE_PAYLOAD}


class PayloadSerializer(Form):
    """What is known of what was sent or received."""

    id = serializers.IntegerField()
    captured_at = serializers.DateTimeField()
    size_bytes = serializers.IntegerField()
    secrets = serializers.IntegerField(help_text="how many were taken out")
    truncated = serializers.BooleanField()
    sha256 = serializers.CharField(allow_null=True)
    purged_at = serializers.DateTimeField(allow_null=True)


class WholePayloadSerializer(PayloadSerializer):
    """What was sent or received, secrets taken out."""

    headers = serializers.JSONField()
    encoding = serializers.CharField(allow_null=True)
    body = serializers.CharField(allow_null=True, help_text="as text, since numbers are kept as they were written")


class CallSerializer(Form):
    """A call that we made."""

    id = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]
    method = serializers.CharField()
    endpoint = serializers.CharField()
    reference = serializers.CharField(allow_null=True)
    purpose = serializers.CharField(allow_null=True)
    run = serializers.UUIDField(allow_null=True)
    sent_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    http_status_code = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    rate_limit_remaining = serializers.IntegerField(allow_null=True)
    correlation_id = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    request = PayloadSerializer()
    response = PayloadSerializer(allow_null=True)
    url = serializers.URLField()


class WholeCallSerializer(CallSerializer):
    """A call with what was said."""

    request = WholePayloadSerializer()
    response = WholePayloadSerializer(allow_null=True)


class CallsSerializer(Form):
    """Calls in the order in which they were made."""

    calls = CallSerializer(many=True)
    next_after = serializers.IntegerField(allow_null=True, help_text="ask for what comes `after` it; null: the end")
