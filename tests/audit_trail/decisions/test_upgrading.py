"""Upgrading: what decisions rest on outlives the migration that lets them rest on scores, and is guarded after it."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from audit_trail.decisions.lineage import TradeDecisionRecord
from audit_trail.guards import WHY
from eventstore.guards import installed, triggers
from tests.audit_trail.decisions.drafts import decided
from tests.audit_trail.decisions.sources import told

pytestmark = pytest.mark.django_db(transaction=True)


def migrated(*to):
    call_command("migrate", *to, verbosity=0)


@pytest.fixture
def before():
    migrated("audit_trail", "0011")
    yield
    migrated()


def indexes():
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, TradeDecisionRecord._meta.db_table)
    return {name for name in found if name.startswith("trade_decision_records_")}


def test_rows_guards_and_indexes_are_there_after_it_and_a_score_is_a_role(before):
    _, (signal, price) = told("a", "b")
    old = decided(records=(signal,), price_records=(price,))
    rows = list(TradeDecisionRecord.objects.order_by("pk").values())
    there = indexes()

    migrated()

    assert list(TradeDecisionRecord.objects.order_by("pk").values()) == rows
    assert indexes() == there
    assert installed(connection, WHY) == set(triggers(connection, WHY))
    for sql in ("UPDATE trade_decision_records SET role = 'score'", "DELETE FROM trade_decision_records"):
        with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    TradeDecisionRecord.objects.create(trade_decision=old, record_id=price, role="score")
