"""Calls to outside services and their payloads, which the database itself keeps from being changed."""

import django.db.models.deletion
from django.db import migrations, models

from audit_trail.payloads.guards import GUARDS
from eventstore.guards import install, remove


def install_guards(apps, schema_editor):
    install(schema_editor.connection, GUARDS)


def remove_guards(apps, schema_editor):
    remove(schema_editor.connection, GUARDS)


class Migration(migrations.Migration):
    initial = True

    # The way round the guards is a table of the event store.
    dependencies = [("eventstore", "0002_append_only")]

    operations = [
        migrations.CreateModel(
            name="ApiPayload",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("type", models.CharField(choices=[("request", "Request"), ("response", "Response")], max_length=8)),
                ("source", models.CharField(max_length=40)),
                ("captured_at", models.DateTimeField()),
                ("headers", models.TextField(help_text="as JSON, a list of pairs in their order")),
                ("body", models.TextField(help_text="empty once it was purged", null=True)),
                (
                    "encoding",
                    models.CharField(
                        choices=[("text", "text"), ("base64", "base64")],
                        help_text="base64 where the bytes are no text that a database keeps",
                        max_length=6,
                    ),
                ),
                ("size_bytes", models.BigIntegerField(help_text="of the whole body as it was")),
                (
                    "secrets",
                    models.IntegerField(help_text="taken out of the body; with none it is byte for byte as it was"),
                ),
                ("truncated", models.BooleanField(help_text="only the beginning of the body was kept")),
                (
                    "sha256",
                    models.CharField(
                        help_text="of the whole body, its secrets taken out. Not of the body as it was: a short secret could be guessed from that. Where no secret was taken out, it is both",
                        max_length=64,
                    ),
                ),
                ("purged_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "payload",
                "db_table": "api_payloads",
                "indexes": [
                    models.Index(fields=["source", "captured_at"], name="api_payloads_source"),
                    models.Index(
                        condition=models.Q(("purged_at", None), ("size_bytes__gt", 0)),
                        fields=["captured_at"],
                        name="api_payloads_unpurged",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("body__isnull", True), ("purged_at__isnull", False)),
                            models.Q(("body__isnull", False), ("purged_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="api_payloads_purged_or_not",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("type__in", ["request", "response"])), name="api_payloads_type"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiCallLog",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run_id", models.UUIDField(help_text="the ingestion run that it was made for", null=True)),
                (
                    "reference",
                    models.TextField(help_text="our id of the order, or without an order the purpose", null=True),
                ),
                ("purpose", models.TextField()),
                ("source", models.CharField(max_length=40)),
                ("method", models.CharField(max_length=10)),
                ("endpoint", models.TextField(help_text="the whole address, without secrets")),
                ("sent_at", models.DateTimeField()),
                (
                    "ended_at",
                    models.DateTimeField(
                        help_text="when the answer was there, or it was clear that none comes", null=True
                    ),
                ),
                (
                    "http_status_code",
                    models.IntegerField(help_text="empty without an answer: it is never made up", null=True),
                ),
                ("duration_ms", models.IntegerField(null=True)),
                (
                    "rate_limit_remaining",
                    models.IntegerField(help_text="how many more calls the service would take", null=True),
                ),
                (
                    "correlation_id",
                    models.TextField(help_text="what the service calls this call, for its support", null=True),
                ),
                ("error", models.TextField(help_text="why no answer came", null=True)),
                (
                    "request_payload",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="request_of",
                        to="audit_trail.apipayload",
                    ),
                ),
                (
                    "response_payload",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="response_of",
                        to="audit_trail.apipayload",
                    ),
                ),
            ],
            options={
                "verbose_name": "call",
                "db_table": "api_call_logs",
                "indexes": [
                    models.Index(fields=["reference", "id"], name="api_call_logs_reference"),
                    models.Index(fields=["run_id", "id"], name="api_call_logs_run"),
                    models.Index(fields=["source", "id"], name="api_call_logs_source"),
                    models.Index(fields=["http_status_code", "id"], name="api_call_logs_status"),
                    models.Index(fields=["correlation_id"], name="api_call_logs_correlation"),
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["sent_at"], name="api_call_logs_unanswered"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("run_id__isnull", False),
                            models.Q(("reference__isnull", False), models.Q(("reference", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="api_call_logs_made_for_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True),
                                ("error__isnull", True),
                                ("http_status_code__isnull", True),
                                ("response_payload__isnull", True),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("error__isnull", True),
                                ("http_status_code__isnull", False),
                                ("response_payload__isnull", False),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("error__isnull", False),
                                ("http_status_code__isnull", True),
                                ("response_payload__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="api_call_logs_one_end",
                    ),
                ],
            },
        ),
        migrations.RunPython(install_guards, remove_guards),
    ]
