"""One live order a decision: the database itself takes no second one."""

import pytest
from django.db import IntegrityError, transaction

from audit_trail.executions.models import TradeExecution
from tests.support.decided import decision, execution

pytestmark = pytest.mark.django_db

UNDER_WAY = {"status": "sending", "ended_at": None, "reason": None, "http_status_code": None}


def test_a_decision_has_no_two_orders_under_way():
    decided = decision(status="submitted", failed_at=None, failure_kind=None, reason=None)
    execution(trade_decision=decided, **UNDER_WAY)

    with pytest.raises(IntegrityError), transaction.atomic():
        execution(trade_decision=decided, attempt_number=2, **UNDER_WAY)

    assert TradeExecution.objects.count() == 1


def test_an_attempt_is_made_once():
    decided = decision()
    execution(trade_decision=decided)

    with pytest.raises(IntegrityError), transaction.atomic():
        execution(trade_decision=decided)
