"""Profits: the rows say what the fills earned, whenever they come and whatever becomes of them."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from tests.support import factories as make
from tests.support.factories import NOON
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Stations
from tests.trading.ledger.history import SYMBOLS, History
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.ledger.moved import MovedFill
from trading.pnl import profits
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.pnl.profits import Profits, rebuild
from trading.values.arithmetic import ZERO, add, subtract
from trading.values.sides import Side
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")


def compute(ledger: Ledger) -> None:
    station = Profits(ledger=ledger)
    while station.run_once(now=NOON):
        continue


def told() -> list[tuple[str, str | None, str, str]]:
    """Each row as `BUY 1 @10`, with what it realised, all so far and the net after."""
    rows = ProfitRow.objects.order_by("symbol", "at", "rank", "major", "minor")
    return [
        (
            f"{row.side} {row.shares} for {row.usd}",
            None if row.realised_usd is None else str(row.realised_usd),
            str(row.cumulative_usd),
            str(row.net_shares_after),
        )
        for row in rows
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", [3, 11, 12])
@pytest.mark.parametrize("kept", [0, 20])
def test_computed_step_by_step_or_all_at_once_the_rows_are_the_same(monkeypatch, mode, seed, kept):
    monkeypatch.setattr(profits, "LOTS_KEPT", kept)
    monkeypatch.setattr(profits, "KEEP_EVERY", 3)
    ledger = Ledger(mode)
    history = History(seed, ledger, wide=True)
    for _ in range(12):
        history.run(6)
        compute(ledger)

    assert ProfitRow.objects.count() > 5
    for symbol in SYMBOLS:
        assert rebuild(ledger, symbol, now=NOON, change=False) == []
        assert counted(symbol) == history.world.net(symbol)


def counted(symbol: Symbol) -> Decimal:
    """The net of a symbol by its newest row, and by the fills that no profit could be computed of."""
    newest = ProfitRow.objects.filter(symbol=symbol).order_by("-at", "-rank", "-major", "-minor").first()
    net = ZERO if newest is None else newest.net_shares_after
    for fill in ExcludedFill.objects.filter(symbol=symbol):
        net = add(net, fill.shares) if fill.side == Side.BUY else subtract(net, fill.shares)
    return net


@pytest.fixture(params=MODES)
def stations(request):
    know_tokens("tAAPL")
    return Stations(mode=request.param, hedge_at="1000 shares")


def test_what_was_bought_and_sold_on_chain_is_netted_under_the_base_symbol(stations):
    stations.fill(
        log_of(take("BUY", "100", "tAAPL", usdc="1000"), block=100),
        log_of(take("SELL", "150", "tAAPL", usdc="1650"), block=101),
    )
    compute(stations.ledger)

    assert told() == [
        ("BUY 100 for 1000", None, "0", "100"),
        ("SELL 150 for 1650", "100", "100", "-50"),
    ]
    assert not MovedFill.objects.exists()


def test_a_fill_that_comes_late_goes_to_where_its_time_puts_it(stations):
    stations.fill(log_of(take("BUY", "10", "tAAPL", usdc="120"), block=110))
    stations.fill(log_of(take("SELL", "10", "tAAPL", usdc="150"), block=120))
    compute(stations.ledger)
    assert told()[-1] == ("SELL 10 for 150", "30", "30", "0")

    stations.fill(log_of(take("BUY", "10", "tAAPL", usdc="100"), block=105))
    compute(stations.ledger)

    assert told() == [
        ("BUY 10 for 100", None, "0", "10"),
        ("BUY 10 for 120", None, "0", "20"),
        ("SELL 10 for 150", "50", "50", "10"),
    ]


def test_of_three_fills_at_one_time_the_third_is_added_to_the_two(stations):
    stations.fill(*(log_of(take("BUY", "1", "tAAPL", usdc="10"), block=100, index=index) for index in (2, 7)))
    compute(stations.ledger)
    before = list(ProfitRow.objects.order_by("id").values_list("id", flat=True))

    stations.fill(log_of(take("BUY", "1", "tAAPL", usdc="10"), block=100, index=5))
    compute(stations.ledger)

    assert [row.net_shares_after for row in ProfitRow.objects.order_by("minor")] == [1, 2, 3]
    assert set(before) < set(ProfitRow.objects.values_list("id", flat=True))


def test_a_hedge_realises_against_the_fill_that_it_covers():
    know_tokens("tAAPL")
    stations = Stations(hedge_at="1 share")
    stations.fill(log_of(take("SELL", "2", "tAAPL", usdc="500"), block=100))
    stations.hedge()
    compute(stations.ledger)

    order = stations.only_order()
    assert order.average_price_usd is not None
    first, second = ProfitRow.objects.order_by("at")
    assert (first.venue, second.venue, second.trade_id) == ("raindex", "dry_run", str(order.order_id))
    assert second.realised_usd == 500 - 2 * order.average_price_usd
    assert second.net_shares_after == 0


def test_a_fill_without_a_price_is_excluded_with_its_reason_and_counted_when_it_has_one():
    row = make.onchain_trade(base_symbol="AAPL", price_usdc=None, usdc_amount=None, amount=Decimal(3), side="BUY")
    MovedFill.objects.create(symbol="AAPL", trade_type="ONCHAIN", trade_id=str(row.trade))
    ledger = Ledger(Mode.LEGACY)
    compute(ledger)
    (excluded,) = ExcludedFill.objects.all()
    assert (excluded.symbol, excluded.shares, excluded.reason) == (
        "AAPL",
        3,
        "the fill has no dollars that we know of",
    )

    row.usdc_amount = Decimal(30)
    row.save()
    MovedFill.objects.create(symbol="AAPL", trade_type="ONCHAIN", trade_id=str(row.trade))
    compute(ledger)
    assert not ExcludedFill.objects.exists()
    assert told() == [("BUY 3 for 30", None, "0", "3")]


def test_other_lots_at_the_same_net_are_other_rows():
    """A price that changes below a lot that is still open shows in no sum until it is closed."""
    ledger = Ledger(Mode.LEGACY)
    first = make.onchain_trade(
        base_symbol="AAPL", usdc_amount=Decimal(10), amount=Decimal(1), block_number=1, side="BUY"
    )
    make.onchain_trade(base_symbol="AAPL", usdc_amount=Decimal(20), amount=Decimal(1), block_number=2, side="BUY")
    assert rebuild(ledger, AAPL, now=NOON, change=True) != []
    first.usdc_amount = Decimal(11)
    first.save()
    MovedFill.objects.create(symbol="AAPL", trade_type="ONCHAIN", trade_id=str(first.trade))
    compute(ledger)
    last = make.onchain_trade(
        base_symbol="AAPL", usdc_amount=Decimal(30), amount=Decimal(1), block_number=3, side="SELL"
    )
    MovedFill.objects.create(symbol="AAPL", trade_type="ONCHAIN", trade_id=str(last.trade))
    compute(ledger)

    assert told()[-1] == ("SELL 1 for 30", "19", "19", "1")
    assert rebuild(ledger, AAPL, now=NOON, change=False) == []


def test_rows_that_somebody_changed_are_told_and_mended():
    ledger = Ledger(Mode.DUAL)
    History(5, ledger).run(60)
    compute(ledger)
    row = ProfitRow.objects.order_by("id")[2]
    ProfitRow.objects.filter(id=row.id).update(cumulative_usd=row.cumulative_usd + 1)
    ProfitRow.objects.order_by("id").last().delete()

    found = [each for symbol in SYMBOLS for each in rebuild(ledger, symbol, now=NOON, change=False)]
    assert f"{row.trade_type} {row.trade_id}, cumulative_usd" in [each.trade for each in found]
    assert ("a row", "none") in [(each.expected, each.found) for each in found]

    for symbol in SYMBOLS:
        rebuild(ledger, symbol, now=NOON, change=True)
        assert rebuild(ledger, symbol, now=NOON, change=False) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_fills_of_an_installation_that_is_older_than_profits_are_queued_by_the_migration(mode):
    ledger = Ledger(mode, legacy_projection=False)
    History(4, ledger).run(60)
    compute(ledger)
    expected = told()
    ProfitRow.objects.all().delete()
    ExcludedFill.objects.all().delete()

    with connection.cursor() as cursor:
        # A schema editor of SQLite's is none inside a test's transaction; of it this much is needed.
        editor = SimpleNamespace(connection=connection, execute=lambda sql, params: cursor.execute(sql, params))
        import_module("trading.migrations.0010_profits").queue_fills(None, editor)
    compute(ledger)

    assert len(expected) > 5
    assert told() == expected


def test_a_step_that_fails_computes_nothing_and_forgets_nothing(stations, monkeypatch):
    stations.fill(log_of(take("BUY", "1", "tAAPL", usdc="10"), block=100))
    monkeypatch.setattr(profits, "_write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Profits(ledger=stations.ledger).run_once(now=NOON + timedelta(seconds=1))
    assert MovedFill.objects.count() == 1
