"""The dry run's own ways, beyond the contract of brokers (tests/contracts)."""

import itertools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.played_venue import at_once
from trading.brokers.dry_run.admin import DryRunOrderAdmin
from trading.brokers.dry_run.behaviour import Behaviour, Behaviours, NotABehaviour
from trading.brokers.dry_run.broker import DryRunBroker
from trading.brokers.dry_run.models import DryRunOrder, DryRunOutage
from trading.brokers.dry_run.progress import progress
from trading.brokers.orders import OrderRequest, OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, OrderRejected, OutcomeUnknown, UnusableReport
from trading.brokers.port import Capabilities
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import symbol

AT = datetime(2026, 3, 2, 16, tzinfo=UTC)


def broker(behaviours: str = "fill", **changes: object) -> DryRunBroker:
    given = {
        "clock": lambda: AT,
        "prices": lambda symbol: Decimal("187.34"),
        "behaviours": Behaviours.parse(behaviours),
        "fill_seconds": Decimal(2),
    }
    return DryRunBroker(**{**given, **changes})


def request(name: str = "ht-test-1-1", **changes: object) -> OrderRequest:
    given = {
        "client_order_id": ClientOrderId(name),
        "symbol": symbol("AAPL"),
        "side": Side.SELL,
        "shares": shares(4),
        "created_at": AT,
    }
    return OrderRequest(**{**given, **changes})


def row(amount: str = "4", behaviour: str = "fill", seconds: str = "2", price: str | None = "187.34") -> DryRunOrder:
    return DryRunOrder(
        pk=17,
        client_order_id="ht-test-1-1",
        symbol="AAPL",
        side="SELL",
        shares=Decimal(amount),
        behaviour=behaviour,
        price_usd=price and Decimal(price),
        fill_seconds=Decimal(seconds),
        submitted_at=AT,
    )


# How an order goes on.


@pytest.mark.parametrize(
    ("amount", "behaviour", "after", "status", "filled", "updated"),
    [
        # fill: half of it after half of the time.
        ("4", "fill", "0", "ACCEPTED", "0", "0"),
        ("4", "fill", "0.999999", "ACCEPTED", "0", "0"),
        ("4", "fill", "1", "PARTIALLY_FILLED", "2", "1"),
        ("4", "fill", "1.999999", "PARTIALLY_FILLED", "2", "1"),
        ("4", "fill", "2", "FILLED", "4", "2"),
        ("4", "fill", "86400", "FILLED", "4", "2"),
        # A clock that stands before the order, or goes back to it.
        ("4", "fill", "-5", "ACCEPTED", "0", "0"),
        # Half of whole shares is whole; half of a fraction is as fine as the order; half of the smallest is nothing.
        ("5", "fill", "1", "PARTIALLY_FILLED", "2", "1"),
        ("1", "fill", "1", "ACCEPTED", "0", "0"),
        ("1.5", "fill", "1", "PARTIALLY_FILLED", "0.7", "1"),
        ("2.50", "fill", "1", "PARTIALLY_FILLED", "1.2", "1"),
        ("0.000000003", "fill", "1", "PARTIALLY_FILLED", "0.000000001", "1"),
        ("0.000000001", "fill", "1", "ACCEPTED", "0", "0"),
        ("123456789012345678901234567890", "fill", "1", "PARTIALLY_FILLED", "61728394506172839450617283945", "1"),
        # partial: half of it, and the end.
        ("5", "partial", "1", "PARTIALLY_FILLED", "2", "1"),
        ("5", "partial", "2", "CANCELLED", "2", "2"),
        ("1", "partial", "1", "ACCEPTED", "0", "0"),
        ("1", "partial", "2", "CANCELLED", "0", "2"),
        # Whoever was not answered, or not there at first, goes on as any other.
        ("4", "timeout_after_accept", "2", "FILLED", "4", "2"),
        ("4", "unavailable", "2", "FILLED", "4", "2"),
    ],
)
def test_how_far_an_order_has_come(amount, behaviour, after, status, filled, updated):
    report = progress(row(amount, behaviour), AT + timedelta(seconds=float(after)))

    assert (report.status, report.filled_shares) == (status, Decimal(filled))
    assert report.updated_at == AT + timedelta(seconds=int(updated))
    assert report.average_price_usd == (Decimal("187.34") if Decimal(filled) else None)
    assert (report.reason is None) == (status != "CANCELLED")
    assert (report.broker_order_id, report.submitted_at) == ("DRY-000017", AT)


@given(
    amount=st.decimals(min_value="0.000000001", max_value=10**12, places=9),
    seconds=st.decimals(min_value=0, max_value=1000, places=3),
    behaviour=st.sampled_from(sorted(set(Behaviour) - {Behaviour.REJECT})),
    moments=st.lists(st.timedeltas(min_value=timedelta(-1), max_value=timedelta(hours=1)), min_size=2),
)
def test_an_order_never_goes_back(amount, seconds, behaviour, moments):
    order = row(str(amount), behaviour, str(seconds))

    reports = [progress(order, AT + moment) for moment in sorted(moments)]

    for earlier, later in itertools.pairwise(reports):
        assert earlier.filled_shares <= later.filled_shares <= order.shares
        assert earlier.updated_at <= later.updated_at
        assert not earlier.status.is_end or later == earlier


def test_an_order_may_be_filled_at_once():
    assert progress(row(seconds="0"), AT).status is OrderStatus.FILLED


def test_an_order_without_a_known_price_fills_without_one():
    report = progress(row(price=None), AT + timedelta(seconds=2))

    assert (report.status, report.filled_shares, report.average_price_usd) == (OrderStatus.FILLED, 4, None)


@pytest.mark.django_db(transaction=True)
def test_the_price_is_the_one_at_the_time_of_submission():
    prices = {"AAPL": Decimal("187.123456789012345678901234567890")}
    order = broker(prices=prices.get).submit(request())
    prices["AAPL"] = Decimal(1)

    later = broker(prices=prices.get, clock=lambda: AT + timedelta(seconds=2)).report(order.broker_order_id)

    assert later.average_price_usd == Decimal("187.123456789012345678901234567890")


@pytest.mark.django_db(transaction=True)
def test_a_slow_order_takes_ten_times_as_long_also_when_the_settings_change():
    order = broker("slow").submit(request())

    def filled_after(seconds: int) -> Decimal:
        later = broker(fill_seconds=Decimal(1), clock=lambda: AT + timedelta(seconds=seconds))
        return later.report(order.broker_order_id).filled_shares

    assert [filled_after(9), filled_after(10), filled_after(19), filled_after(20)] == [0, 2, 2, 4]


# What it does to an order, by symbol.


@pytest.mark.django_db(transaction=True)
def test_each_symbol_has_its_own_behaviour():
    venue = broker("fill,TSLA=reject,NVDA=timeout_after_accept,BRK.B=unavailable")

    assert venue.submit(request("ht-test-1-1")).status is OrderStatus.ACCEPTED
    with pytest.raises(OrderRejected):
        venue.submit(request("ht-test-2-1", symbol=symbol("TSLA")))
    with pytest.raises(OutcomeUnknown):
        venue.submit(request("ht-test-3-1", symbol=symbol("NVDA")))
    with pytest.raises(BrokerUnavailable):
        venue.submit(request("ht-test-4-1", symbol=symbol("BRK.B")))

    assert list(DryRunOrder.objects.values_list("client_order_id", flat=True).order_by("pk")) == [
        "ht-test-1-1",
        "ht-test-3-1",
    ]
    assert list(DryRunOutage.objects.values_list("client_order_id", flat=True)) == ["ht-test-4-1"]


@pytest.mark.django_db(transaction=True)
def test_an_order_that_is_there_is_told_of_whatever_its_symbol_does_now():
    first = broker().submit(request())

    assert broker("reject").submit(request()) == first
    assert broker("unavailable").submit(request()) == first
    assert broker("timeout_after_accept").submit(request()) == first


@pytest.mark.parametrize(
    ("text", "behaviours"),
    [
        ("fill", {"AAPL": "fill"}),
        ("slow", {"AAPL": "slow"}),
        ("fill,TSLA=reject,NVDA=partial", {"AAPL": "fill", "TSLA": "reject", "NVDA": "partial"}),
        (" reject , BRK.B = fill ", {"AAPL": "reject", "BRK.B": "fill"}),
        ("TSLA=unavailable", {"AAPL": "fill", "TSLA": "unavailable"}),
        ("timeout_after_accept", {"AAPL": "timeout_after_accept"}),
    ],
)
def test_behaviours_are_read_from_text(text, behaviours):
    parsed = Behaviours.parse(text)

    assert {name: parsed.of(symbol(name)) for name in behaviours} == behaviours


@pytest.mark.parametrize(
    "text",
    ["", " ", "fil", "FILL", "fill,", "fill,slow", "TSLA=reject,fill", "TSLA=", "=fill", "A=fill,A=slow", "A B=fill"],
)
def test_what_names_no_behaviour_is_refused(text):
    with pytest.raises(NotABehaviour, match="expected"):
        Behaviours.parse(text)


# Its rows and ids.


@pytest.mark.django_db(transaction=True)
def test_its_id_is_made_from_the_row():
    order = broker().submit(request())

    assert order.broker_order_id == f"DRY-{DryRunOrder.objects.get().pk:06d}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "written", ["DRY-{:07d}", "dry-{:06d}", "DRY-{:06d} ", "DRY-{}", "{}", "DRY--{:06d}", "TEST_{}", ""]
)
def test_only_the_whole_id_is_an_order(written):
    venue = broker()
    venue.submit(request())

    with pytest.raises(NoSuchOrder):
        venue.report(BrokerOrderId(written.format(DryRunOrder.objects.get().pk)))


@pytest.mark.django_db(transaction=True)
def test_an_id_longer_than_any_number_of_a_row_is_no_order():
    with pytest.raises(NoSuchOrder):
        broker().report(BrokerOrderId("DRY-" + "9" * 40))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "call",
    [
        lambda venue: venue.submit(request()),
        lambda venue: venue.find(ClientOrderId("ht-test-1-1")),
        lambda venue: venue.report(BrokerOrderId("DRY-000001")),
        lambda venue: venue.open_orders(),
    ],
    ids=["submit", "find", "report", "open_orders"],
)
def test_a_call_from_inside_a_transaction_of_ours_is_an_error(call):
    with pytest.raises(RuntimeError, match="durable atomic block"), transaction.atomic():
        call(broker())

    assert not DryRunOrder.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_is_kept_out_by_the_database():
    for changes in ({"amount": "0"}, {"amount": "-1"}, {"price": "0"}, {"seconds": "-1"}, {"behaviour": "guess"}):
        with pytest.raises(IntegrityError):
            row(**changes).save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_a_price_that_cannot_be_is_an_error_and_no_order():
    with pytest.raises(IntegrityError):
        broker(prices=lambda symbol: Decimal(-1)).submit(request())

    assert not DryRunOrder.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("behaviour", ["fill", "timeout_after_accept"])
def test_who_comes_second_while_submitting_is_told_of_the_first(behaviour):
    reports = []

    def somebody_is_faster(symbol):
        # The price is asked for when the order was looked for, and before it is stored.
        reports.extend(at_once([lambda: broker().submit(request())]))
        return Decimal(1)

    report = broker(behaviour, prices=somebody_is_faster).submit(request())

    assert reports == [report]
    assert DryRunOrder.objects.get().price_usd == Decimal("187.34")


@pytest.mark.django_db(transaction=True)
def test_who_comes_second_with_another_order_is_told_of_the_first():
    def somebody_is_faster(symbol):
        at_once([lambda: broker().submit(request(shares=shares(5)))])
        return Decimal(1)

    with pytest.raises(UnusableReport, match="expected an order for 4 shares, was 5"):
        broker(prices=somebody_is_faster).submit(request())

    assert DryRunOrder.objects.get().shares == 5


@pytest.mark.django_db(transaction=True)
def test_many_processes_that_submit_one_order_make_one_row(database_url):
    program = """
import django, sys
django.setup()
from datetime import UTC, datetime
from tests.trading.brokers.test_dry_run import broker, request
sys.stdin.readline()
print(broker().submit(request()).broker_order_id)
"""
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", program], env=environment, **pipes) for _ in range(4)]

    answers = [process.communicate("go\n", timeout=60) for process in processes]

    assert [error for _, error in answers] == [""] * 4
    assert {answer.strip() for answer, _ in answers} == {DryRunOrder.objects.get().broker_order_id}


# Latency, precision, settings.


@pytest.mark.django_db(transaction=True)
def test_every_call_takes_the_latency():
    slept = []
    venue = broker(latency_seconds=Decimal("0.25"), sleep=slept.append)

    order = venue.submit(request())
    venue.find(ClientOrderId("ht-test-1-1"))
    venue.report(order.broker_order_id)
    venue.open_orders()

    assert slept == [0.25] * 4


@pytest.mark.django_db(transaction=True)
def test_without_latency_nobody_sleeps():
    def sleep(seconds):
        raise AssertionError(seconds)

    broker(sleep=sleep).submit(request())


@pytest.mark.parametrize("seconds", ["-1", "86401", "NaN"])
def test_seconds_out_of_reason_are_refused(seconds):
    with pytest.raises((ValueError, ArithmeticError)):
        broker(fill_seconds=Decimal(seconds))
    with pytest.raises((ValueError, ArithmeticError)):
        broker(latency_seconds=Decimal(seconds))


def test_what_it_can_do():
    assert broker().capabilities == Capabilities(
        fractional_digits=9, client_order_id=True, shorting=True, fractional_shorting=True
    )
    assert broker(fractional_digits=None).capabilities == Capabilities(
        fractional_digits=None, client_order_id=True, shorting=True
    )
    assert broker().name == "dry_run"


def test_its_market_never_closes():
    christmas = datetime(2026, 12, 25, 3, tzinfo=UTC)

    assert broker(clock=lambda: christmas).clock().is_open


# Admin.


@pytest.mark.django_db(transaction=True)
def test_an_operator_looks_at_orders_and_changes_none(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("operator"))
    broker().submit(request(shares=shares("0.000000001")))
    order = DryRunOrder.objects.get()

    assert isinstance(admin.site._registry[DryRunOrder], DryRunOrderAdmin)
    page = client.get("/admin/trading/dryrunorder/")
    assert page.status_code == 200
    assert order.broker_order_id in page.content.decode()
    assert client.get(f"/admin/trading/dryrunorder/{order.pk}/change/").status_code == 200
    assert client.get("/admin/trading/dryrunorder/add/").status_code == 403
    assert client.post(f"/admin/trading/dryrunorder/{order.pk}/change/", {"symbol": "TSLA"}).status_code == 403
    assert client.post(f"/admin/trading/dryrunorder/{order.pk}/delete/", {"post": "yes"}).status_code == 403
    assert DryRunOrder.objects.get().symbol == "AAPL"
