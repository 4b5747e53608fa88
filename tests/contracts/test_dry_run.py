"""The dry run keeps the contract of brokers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.contracts.broker_contract import BrokerContract
from trading.brokers.dry_run.behaviour import Behaviours
from trading.brokers.dry_run.broker import DryRunBroker
from trading.brokers.dry_run.models import DryRunOrder
from trading.brokers.port import Broker


@pytest.mark.django_db(transaction=True)
class TestDryRun(BrokerContract):
    fractional_digits: int | None = 9

    @pytest.fixture(autouse=True)
    def _venue(self):
        self.time = datetime(2026, 3, 2, 16, tzinfo=UTC)

    def make_broker(self, behaviour: str = "fill") -> Broker:
        return DryRunBroker(
            clock=self.now,
            prices=lambda symbol: Decimal("187.3456"),
            behaviours=Behaviours.parse(behaviour),
            fill_seconds=Decimal(2),
            fractional_digits=self.fractional_digits,
        )

    def now(self) -> datetime:
        return self.time

    def wait_until_half_filled(self) -> None:
        self.time += timedelta(seconds=1)

    def wait_until_done(self) -> None:
        self.time += timedelta(seconds=2)

    def orders_at_the_venue(self) -> int:
        return DryRunOrder.objects.count()


class TestDryRunOfWholeShares(TestDryRun):
    fractional_digits = None
