"""Guards: the database refuses to change or forget a call or a payload, whoever asks."""

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from audit_trail.payloads.guards import CALL_KEPT, GUARDS, PAYLOAD_KEPT
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from eventstore.guards import installed, triggers
from eventstore.maintenance import maintenance
from tests.eventstore.tampering import table
from tests.support import factories as make
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

OTHER = {
    "id": 99_999,
    "run_id": "018f2f6e-0000-7000-8000-000000000001",
    "reference": "another",
    "purpose": "another",
    "source": "another",
    "method": "GET",
    "endpoint": "https://another.example.com",
    "sent_at": "2026-03-02 13:00:00+00:00",
    "type": "response",
    "captured_at": "2026-03-02 13:00:00+00:00",
    "headers": "[]",
    "encoding": "base64",
    "size_bytes": 1,
    "secrets": 1,
    "truncated": True,
    "sha256": "00" * 32,
}


def by_hand(sql, values=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_every_column_is_kept_but_those_of_the_two_changes():
    columns = {model: {field.column for field in model._meta.concrete_fields} for model in (ApiPayload, ApiCallLog)}

    assert columns[ApiPayload] - set(PAYLOAD_KEPT) == {"body", "purged_at"}
    assert columns[ApiCallLog] - set(CALL_KEPT) == {
        "ended_at",
        "http_status_code",
        "duration_ms",
        "rate_limit_remaining",
        "correlation_id",
        "error",
        "response_payload_id",
    }


@pytest.mark.parametrize("column", PAYLOAD_KEPT)
def test_a_purge_changes_nothing_else(column):
    payload = make.api_payload()

    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        by_hand(
            f"UPDATE api_payloads SET body = NULL, purged_at = captured_at, {column} = %s",  # noqa: S608
            [OTHER[column]],
        )

    ApiPayload.objects.filter(pk=payload.pk).update(body=None, purged_at=NOON)


@pytest.mark.parametrize("column", CALL_KEPT)
def test_an_end_changes_nothing_else(column):
    make.api_call_under_way()
    other = make.api_payload().pk if column == "request_payload_id" else OTHER[column]

    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        by_hand(
            f"UPDATE api_call_logs SET ended_at = sent_at, error = 'none', {column} = %s",  # noqa: S608
            [other],
        )

    ApiCallLog.objects.update(ended_at=NOON, error="none came")


def truncating():
    by_hand("SET CONSTRAINTS ALL IMMEDIATE")  # Else it is refused for what is still to be checked.
    by_hand("TRUNCATE api_payloads, api_call_logs CASCADE")


def replacing():
    """SQLite deletes what an INSERT OR REPLACE replaces."""
    by_hand("INSERT OR REPLACE INTO api_call_logs SELECT * FROM api_call_logs")


WAYS = {
    "another status": lambda: ApiCallLog.objects.update(http_status_code=200),
    "the same again": lambda: ApiCallLog.objects.update(error=None),
    "no end after all": lambda: ApiCallLog.objects.update(ended_at=None, http_status_code=None, response_payload=None),
    "a call is saved": lambda: ApiCallLog.objects.get().save(),
    "calls are deleted": lambda: ApiCallLog.objects.all().delete(),
    "another body": lambda: ApiPayload.objects.update(body="{}"),
    "another hash": lambda: ApiPayload.objects.filter(type="response").update(sha256="00" * 32),
    "SQL deletes calls": lambda: by_hand("DELETE FROM api_call_logs"),
    "SQL deletes payloads": lambda: by_hand("DELETE FROM api_payloads"),
}
ON_ONE = {"postgresql": {"SQL truncates": truncating}, "sqlite": {"SQL replaces": replacing}}


@pytest.mark.parametrize("way", [*WAYS, *ON_ONE[connection.vendor]])
def test_a_call_that_has_ended_stays_as_it_is(way):
    """Q10: calls were written over, and the trail was lost."""
    make.api_call(http_status_code=500)
    before = [list(model.objects.values()) for model in (ApiCallLog, ApiPayload)]

    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        (WAYS | ON_ONE[connection.vendor])[way]()

    assert [list(model.objects.values()) for model in (ApiCallLog, ApiPayload)] == before


def test_a_purged_body_does_not_come_back():
    make.api_payload()
    ApiPayload.objects.update(body=None, purged_at=NOON)

    with pytest.raises(DatabaseError, match="never changed or taken out"), transaction.atomic():
        ApiPayload.objects.update(body="{}", purged_at=None)


def test_a_payload_of_a_call_is_not_deleted():
    call = make.api_call()

    with pytest.raises(ProtectedError):
        call.request_payload.delete()


def test_maintenance_is_the_way_round():
    make.api_call()

    with maintenance(actor="anna", reason="a secret was found in a body", at=NOON):
        ApiPayload.objects.update(body="***")
        ApiCallLog.objects.all().delete()
        ApiPayload.objects.all().delete()

    assert ApiPayload.objects.count() == 0


def test_guards_that_are_gone_are_told():
    assert installed(connection, GUARDS) == set(triggers(connection, GUARDS))
    assert run_checks(databases=["default"], tags=["database"]) == []
    for name, text in triggers(connection, GUARDS).items():
        by_hand(
            f"DROP TRIGGER {name} ON {table(text)}" if connection.vendor == "postgresql" else f"DROP TRIGGER {name}"
        )

    found = run_checks(databases=["default"], tags=["database"])

    assert [error.id for error in found] == ["audit_trail.E001"] * 4
