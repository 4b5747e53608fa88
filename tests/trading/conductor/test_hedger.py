"""The hedger: one order a symbol where the threshold is reached, and one symbol's trouble is no other's."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import transaction
from structlog.testing import capture_logs

from eventstore.models import StoredEvent
from eventstore.store import Draft, Metadata, append
from tests.support.books import books
from tests.support.commands import run
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable
from trading.conductor.hedger import strongest_first
from trading.conductor.work import SymbolWait, halt, refuse, resume
from trading.ledger.mode import Installation, LedgerMode, Mode, WrongMode
from trading.ledger.tables import OffchainTrade, TradeAccumulator
from trading.notices.models import Notice, open_notice
from trading.offchain_order.aggregate import OrderState
from trading.position.aggregate import Position
from trading.position.events import LastPrice, Migrated
from trading.position.view import PositionView
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")


@pytest.fixture(autouse=True)
def tokens():
    know_tokens("tAAPL", "tMSFT", "tTSLA")


def with_fills(*fills: tuple[str, str, str], **options) -> Stations:
    """Stations on which fills were processed, as (side, shares, token)."""
    stations = Stations(**options)
    logs = [
        log_of(take(side, shares, token, usdc=str(Decimal(shares) * 200)), block=100 + place)
        for place, (side, shares, token) in enumerate(fills)
    ]
    stations.fill(*logs)
    return stations


def place(stations: Stations) -> list[str]:
    stations.run(stations.hedger)
    return stations.hedges()


# When, and how much.


@pytest.mark.parametrize(
    ("bought", "sold", "hedges"),
    [
        ("1.5", "0.8", []),
        ("0.3", "1.5", ["BUY 1 AAPL"]),
        ("2.0", "0.5", ["SELL 1 AAPL"]),
        ("0.5", "3.0", ["BUY 2 AAPL"]),
        # The threshold is reached at it, not past it.
        ("1.0", "0", ["SELL 1 AAPL"]),
        ("0.999999999999999999999", "0", []),
        ("1.0", "1.0", []),
        ("4.0", "0.3", ["SELL 3 AAPL"]),
        ("2.7", "0", ["SELL 2 AAPL"]),
        ("0", "3.2", ["BUY 3 AAPL"]),
    ],
)
def test_the_threshold_and_the_whole_shares_past_it(bought, sold, hedges):
    fills = [(side, shares, "tAAPL") for side, shares in (("BUY", bought), ("SELL", sold)) if shares != "0"]
    assert place(with_fills(*fills)) == hedges


@pytest.mark.parametrize(
    ("hedge_at", "digits", "shares", "hedges"),
    [
        ("2.5 shares", None, "2.4", []),
        ("2.5 shares", None, "2.5", ["BUY 2 AAPL"]),
        ("2.5 shares", 9, "2.5", ["BUY 2 AAPL"]),
        # In dollars, at 200 a share: fractions where the broker takes them, as many decimals as it takes.
        ("$100", 9, "0.4999", []),
        ("$100", 9, "0.5", ["BUY 0.5 AAPL"]),
        ("$100", 9, "1.21200000099", ["BUY 1.212 AAPL"]),
        ("$1", 2, "0.555", ["BUY 0.55 AAPL"]),
        # A broker of whole shares waits for one.
        ("$100", None, "0.9", []),
        ("$100", 0, "1.9", ["BUY 1 AAPL"]),
    ],
)
def test_thresholds_in_dollars_and_fractions(hedge_at, digits, shares, hedges):
    stations = with_fills(("SELL", shares, "tAAPL"), hedge_at=hedge_at, fractional_digits=digits)
    assert place(stations) == hedges


def test_an_unpriced_fill_moves_exposure_at_the_last_price_that_was_seen():
    stations = Stations(hedge_at="$100", fractional_digits=9)
    stations.fill(log_of(take("SELL", "0.25", "tAAPL", usdc="50"), block=100))
    assert place(stations) == []

    stations.fill(log_of(take("SELL", "0.5", "tAAPL", usdc="0"), block=101))

    assert place(stations) == ["BUY 0.75 AAPL"]


def test_without_any_price_a_threshold_in_dollars_waits():
    stations = Stations(hedge_at="$100", fractional_digits=9)
    stations.fill(log_of(take("SELL", "50", "tAAPL", usdc="0"), block=100))
    assert place(stations) == []


# One order a symbol.


@pytest.mark.parametrize("mode", MODES)
def test_while_an_order_is_under_way_no_second_one_is_placed(mode):
    stations = with_fills(("SELL", "1.5", "tAAPL"), mode=mode, broker=Venue(stations_clock))
    assert place(stations) == ["BUY 1 AAPL"]

    stations.fill(log_of(take("SELL", "5", "tAAPL"), block=200))

    assert place(stations) == ["BUY 1 AAPL"]
    assert stations.only_order().state is OrderState.PLACED


def stations_clock():
    raise AssertionError("no broker is asked")


@pytest.mark.parametrize("mode", MODES)
def test_an_order_that_its_position_does_not_know_of_keeps_a_second_one_away(mode):
    """In the older engine the whole fill was undone here; we keep the fill, place nothing, and tell."""
    stations = with_fills(("SELL", "1.5", "tAAPL"), mode=mode)
    place(stations)
    stray(stations)

    stations.fill(log_of(take("SELL", "1.5", "tAAPL"), block=200))
    stations.run(stations.hedger)

    assert OffchainTrade.objects.count() == 1
    assert stations.net("AAPL") == -3
    assert notices() == [("stray_order", "AAPL")]
    assert Notice.objects.get().text.startswith(
        "order 1 is open, but the position of AAPL has none under way: no second order is placed. Look at order 1;"
    )


def test_the_notice_of_a_stray_order_goes_with_the_next_hedge_of_its_symbol():
    stations = with_fills(("SELL", "1.5", "tAAPL"))
    for symbol in ("AAPL", "MSFT"):
        open_notice("stray_order", symbol, "look", at=stations.clock())
    stations.forward(60)

    assert place(stations) == ["BUY 1 AAPL"]
    assert notices() == [("stray_order", "MSFT")]
    assert Notice.objects.get(subject="AAPL").closed_at == stations.clock()


def stray(stations: Stations) -> None:
    """Let the position forget its order, in every memory, as an older installation could."""
    for model in (TradeAccumulator, PositionView):
        model.objects.update(
            pending_execution_id=None, pending_side=None, pending_shares=None, pending_filled_shares=None
        )
    if stations.ledger.mode is Mode.LEGACY:
        return
    position, (row,) = stations.position("AAPL"), PositionView.objects.all()
    forgotten = Migrated(
        net_position=position.net,
        accumulated_long=position.accumulated_long,
        accumulated_short=position.accumulated_short,
        threshold=position.threshold,
        last_price=position.last_price,
    )
    version = row.stream_version + 1
    with transaction.atomic():
        append(
            [Draft("Position", "AAPL", version, forgotten, Metadata(actor="test", correlation="test"))],
            at=stations.clock(),
        )
    TradeAccumulator.objects.update(stream_version=version)


def test_orders_are_numbered_and_named_before_anything_is_sent():
    stations = with_fills(("SELL", "1.5", "tAAPL"), ("BUY", "2", "tMSFT"), broker=Venue(stations_clock))
    place(stations)
    mark = Installation.objects.get().mark

    assert [(order.order_id, order.client_order_id) for order in stations.orders()] == [
        (1, f"ht-{mark}-1-1"),
        (2, f"ht-{mark}-2-1"),
    ]
    assert {order.state for order in stations.orders()} == {OrderState.PLACED}


def test_links_say_which_fills_an_order_is_for():
    stations = with_fills(("SELL", "0.3", "tAAPL"), ("SELL", "0.4", "tAAPL"), ("SELL", "0.4", "tAAPL"))
    place(stations)
    assert sorted(books(stations.ledger).contributions(1).values()) == [Decimal("0.3"), Decimal("0.3"), Decimal("0.4")]


@pytest.mark.parametrize("mode", MODES)
def test_why_no_fill_covers_an_order_is_kept_with_it(mode, monkeypatch):
    """That the net was set by hand is what the hedger knows; of what was overfilled the books know."""
    monkeypatch.setenv("LEDGER", mode)
    stations = with_fills(("SELL", "1", "tAAPL"), ("SELL", "1", "tMSFT"), mode=mode, broker=(venue := Venue(Clock())))
    stations.hedge()
    for order in (0, 1):
        venue.tell(OrderStatus.FILLED, "1" if order == 0 else "3", order=order)
    stations.forward(1)
    stations.hedge()
    assert stations.hedges() == ["BUY 1 AAPL", "BUY 1 MSFT", "SELL 2 MSFT"]

    run("set_position", "AAPL", "2", "--reason", "counted")
    assert place(stations)[3:] == ["SELL 2 AAPL"]
    unallocated = books(stations.ledger).unallocated
    assert (unallocated[3], unallocated[4]) == ((2, "overfill"), (2, "set"))


def test_what_the_hedger_decided_is_the_hedgers():
    stations = with_fills(("SELL", "1", "tAAPL"))
    place(stations)
    events = StoredEvent.objects.filter(metadata__contains="order:1")
    assert len(events) == 2
    assert all('"actor":"hedger"' in event.metadata for event in events)


def test_an_order_that_is_placed_is_a_line_of_the_log():
    stations = with_fills(("SELL", "1.5", "tAAPL"))
    with capture_logs() as lines:
        place(stations)
    assert lines == [
        {
            "event": "Hedge placed",
            "log_level": "info",
            "correlation": "order:1",
            "order": 1,
            "symbol": "AAPL",
            "side": "BUY",
            "shares": "1",
            "wanted_shares": "1",
        }
    ]


# In which order.


def test_the_strongest_exposure_is_hedged_first():
    """By dollars, so that one share of an expensive symbol comes before many of a cheap one."""
    stations = Stations()
    stations.fill(
        log_of(take("SELL", "50", "tAAPL", usdc="500"), block=100),  # at 10
        log_of(take("BUY", "3", "tMSFT", usdc="1500"), block=101),  # at 500
        log_of(take("SELL", "2", "tTSLA", usdc="800"), block=102),  # at 400
    )
    assert place(stations) == ["SELL 3 MSFT", "BUY 2 TSLA", "BUY 50 AAPL"]


def test_what_has_no_price_is_hedged_last_and_the_most_shares_of_it_first():
    stations = Stations()
    stations.fill(
        log_of(take("SELL", "7", "tAAPL", usdc="0"), block=100),
        log_of(take("BUY", "9", "tMSFT", usdc="0"), block=101),
        log_of(take("SELL", "1", "tTSLA", usdc="1"), block=102),
    )
    assert place(stations) == ["BUY 1 TSLA", "SELL 9 MSFT", "BUY 7 AAPL"]


def test_among_equals_symbols_keep_their_order():
    stations = with_fills(("SELL", "2", "tTSLA"), ("BUY", "2", "tMSFT"), ("SELL", "2", "tAAPL"))
    assert place(stations) == ["BUY 2 AAPL", "SELL 2 MSFT", "BUY 2 TSLA"]


def test_a_number_too_long_to_multiply_exactly_keeps_no_symbol_waiting():
    digits = Decimal("3." + "1" * 300)
    positions = [
        Position(
            symbol=Symbol(name),
            accumulated_long=Shares(size),
            last_price=LastPrice(price_usdc=Usd(size), block_timestamp=datetime.now(UTC), block_number=1, log_index=1),
        )
        for name, size in (("AAPL", Decimal(2)), ("MSFT", digits))
    ]
    assert [position.symbol for position in strongest_first(positions)] == ["MSFT", "AAPL"]


# One symbol's trouble.


def test_one_symbol_that_fails_leaves_the_others_their_hedges(monkeypatch):
    stations = with_fills(("SELL", "2", "tAAPL"), ("SELL", "3", "tMSFT"), ("BUY", "4", "tTSLA"))
    placing = stations.hedger._place

    def fail_for_msft(symbol, now):
        if symbol == "MSFT":
            raise ValueError("not this one")
        return placing(symbol, now)

    monkeypatch.setattr(stations.hedger, "_place", fail_for_msft)
    with capture_logs() as lines, pytest.raises(ValueError, match="not this one"):
        stations.hedger.run_once(now=stations.clock())

    assert stations.hedges() == ["SELL 4 TSLA", "BUY 2 AAPL"]
    (told,) = [line for line in lines if line["log_level"] == "error"]
    assert (told["event"], told["symbol"]) == ("Hedge can't be placed", "MSFT")


def test_hedging_asks_no_broker():
    venue = Venue(stations_clock)
    venue.fail("submit", BrokerUnavailable("not there"), times=100)
    stations = with_fills(("SELL", "2", "tAAPL"), broker=venue)
    assert place(stations) == ["BUY 2 AAPL"]
    assert venue.asked == []


def test_a_symbol_that_waits_is_hedged_when_its_time_has_come():
    stations = with_fills(("SELL", "2", "tAAPL"), ("SELL", "3", "tMSFT"))
    refuse(AAPL, "no", now=stations.clock())

    assert place(stations) == ["BUY 3 MSFT"]
    stations.forward(1)
    assert place(stations) == ["BUY 3 MSFT", "BUY 2 AAPL"]


def test_a_halted_symbol_waits_for_its_operator_whatever_fills_come():
    stations = with_fills(("SELL", "2", "tAAPL"))
    halt(AAPL, "stop", now=stations.clock())
    stations.forward(10_000)
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=200))
    assert place(stations) == []
    assert SymbolWait.objects.get().halted_at is not None

    assert resume(AAPL, now=stations.clock()) is True
    assert place(stations) == ["BUY 4 AAPL"]
    assert resume(AAPL, now=stations.clock()) is False


def test_a_symbol_that_another_process_halts_while_the_gate_is_asked_gets_no_order(monkeypatch):
    """It has just found an order of the symbol open at the broker, which was held to have ended."""
    stations = with_fills(("SELL", "2", "tAAPL"))
    look = stations.gate.look

    def halted_meanwhile(requests, *, now):
        verdicts = look(requests, now=now)
        halt(AAPL, "order 1 is open at the broker", now=now)
        return verdicts

    monkeypatch.setattr(stations.gate, "look", halted_meanwhile)
    stations.run(stations.hedger)

    assert stations.orders() == []


# The ledger's mode.


def test_a_change_of_mode_stops_the_hedger_before_it_places_anything():
    stations = with_fills(("SELL", "2", "tAAPL"))
    LedgerMode.objects.update(mode=Mode.EVENTS)

    with pytest.raises(WrongMode, match="mode in force is events: set LEDGER=events"):
        stations.hedger.run_once(now=stations.clock())

    assert stations.hedges() == []
