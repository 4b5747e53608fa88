"""How old open exposure is, and when an operator is told of it.

FAILURES.md G3-37: unhedged over a weekend, and nobody knew before the close.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from tests.support.made_chain import FIRST_BLOCK, SECONDS_A_BLOCK, STARTED, know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.conductor.exposure_age import BEFORE_CLOSE, LIMIT, Exposure, ExposureWatch
from trading.conductor.work import halt
from trading.ledger.mode import LedgerMode, Mode, WrongMode
from trading.market_hours.calendar import session_at
from trading.notices.models import Notice
from trading.position.aggregate import Position
from trading.position.commands import SetPosition
from trading.values.quantities import shares
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
# Monday 2 March 2026, in winter: from 14:30 to 21:00 UTC. The chain of tests begins at 15:00.
OPENS, CLOSES = datetime(2026, 3, 2, 14, 30, tzinfo=UTC), datetime(2026, 3, 2, 21, tzinfo=UTC)
AT_THREE = datetime.fromtimestamp(STARTED, UTC)
AAPL = Symbol("AAPL")


@pytest.fixture(autouse=True)
def tokens():
    know_tokens("tAAPL", "tMSFT", "tTSLA")


def stations_at(at: datetime, **options) -> Stations:
    return Stations(clock=Clock(at), **options)


def fill(side: str, amount: str, token: str = "tAAPL", *, at: datetime):
    """The log of a fill in the block of a time."""
    return log_of(take(side, amount, token), block=FIRST_BLOCK + (at - AT_THREE) // (SECONDS_A_BLOCK * SECOND))


def watching(stations: Stations) -> ExposureWatch:
    return ExposureWatch(broker=stations.broker, ledger=stations.ledger)


def look(stations: Stations, watch: ExposureWatch | None = None, *, at: datetime | None = None) -> None:
    """Look a second later, or at a time; without a watch as a new process does."""
    stations.clock.at = at or stations.clock.at + SECOND
    assert (watch or watching(stations)).run_once(now=stations.clock()) is False


def since() -> dict[str, datetime]:
    return dict(Exposure.objects.values_list("symbol", "since_at"))


# Since when.


@pytest.mark.parametrize("mode", MODES)
def test_an_age_begins_at_the_fill_that_took_the_net_past_its_threshold(mode):
    stations = stations_at(AT_THREE + 120 * SECOND, mode=mode)
    stations.fill(
        fill("SELL", "0.6", at=AT_THREE),
        fill("SELL", "0.6", at=AT_THREE + 30 * SECOND),
        fill("BUY", "5", "tMSFT", at=AT_THREE + 40 * SECOND),
        fill("SELL", "0.3", at=AT_THREE + 60 * SECOND),
        fill("SELL", "0.9", "tTSLA", at=AT_THREE + 70 * SECOND),
    )

    look(stations)

    assert since() == {"AAPL": AT_THREE + 30 * SECOND, "MSFT": AT_THREE + 40 * SECOND}


def test_a_fill_that_crosses_from_long_to_short_begins_an_age_of_its_own():
    stations = stations_at(AT_THREE + 120 * SECOND)
    stations.fill(
        fill("BUY", "3", at=AT_THREE),
        fill("SELL", "5", at=AT_THREE + 30 * SECOND),
        fill("SELL", "1", at=AT_THREE + 60 * SECOND),
    )
    look(stations)
    assert since() == {"AAPL": AT_THREE + 30 * SECOND}


def test_an_age_survives_a_restart():
    stations = stations_at(AT_THREE + 60 * SECOND)
    stations.fill(fill("SELL", "2", at=AT_THREE + 30 * SECOND))
    look(stations)

    look(stations, at=AT_THREE + timedelta(hours=1))

    assert since() == {"AAPL": AT_THREE + 30 * SECOND}


@pytest.mark.parametrize("mode", MODES)
def test_an_age_ends_when_the_broker_has_filled_the_hedge(mode):
    stations = stations_at(AT_THREE + 60 * SECOND, mode=mode)
    watch = watching(stations)
    stations.fill(fill("SELL", "1.5", at=AT_THREE + 30 * SECOND))
    look(stations, watch)
    assert since() == {"AAPL": AT_THREE + 30 * SECOND}

    stations.hedge()
    look(stations, watch)

    assert stations.net("AAPL") == shares("-0.5")
    assert since() == {}


def test_what_is_under_way_is_not_hedged_yet():
    clock = Clock(AT_THREE + 60 * SECOND)
    stations = Stations(clock=clock, broker=Venue(clock))
    stations.fill(fill("SELL", "2", at=AT_THREE + 30 * SECOND))
    stations.hedge()
    assert stations.position("AAPL").open_net == 0

    look(stations)

    assert since() == {"AAPL": AT_THREE + 30 * SECOND}


def test_what_a_partial_hedge_leaves_is_as_old_as_the_newest_part():
    """A busy symbol is past its threshold all day long while every share of it is hedged within seconds."""
    clock = Clock(AT_THREE + 60 * SECOND)
    venue = Venue(clock)
    stations = Stations(clock=clock, broker=venue)
    watch = watching(stations)
    stations.fill(fill("SELL", "2", at=AT_THREE + 30 * SECOND))
    look(stations, watch)
    stations.hedge()
    stations.fill(fill("SELL", "3", at=AT_THREE + 62 * SECOND))
    look(stations, watch)
    assert since() == {"AAPL": AT_THREE + 30 * SECOND}

    venue.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    stations.run(stations.poller)
    look(stations, watch)

    assert stations.net("AAPL") == -3
    assert since() == {"AAPL": AT_THREE + 62 * SECOND}


def test_a_part_of_one_fill_stays_as_old_as_the_fill():
    clock = Clock(AT_THREE + 60 * SECOND)
    venue = Venue(clock)
    stations = Stations(clock=clock, broker=venue)
    stations.fill(fill("SELL", "5", at=AT_THREE + 30 * SECOND))
    look(stations)
    stations.hedge()
    venue.tell(OrderStatus.PARTIALLY_FILLED, "3")
    stations.forward(1)
    stations.run(stations.poller)

    look(stations)

    assert stations.net("AAPL") == -2
    assert since() == {"AAPL": AT_THREE + 30 * SECOND}


@pytest.mark.parametrize("mode", MODES)
def test_a_net_that_an_operator_set_ages_from_when_it_is_seen(mode):
    stations = stations_at(AT_THREE + 60 * SECOND, mode=mode)
    stations.fill(fill("SELL", "0.5", at=AT_THREE))
    look(stations)
    with stations.ledger.step(at=stations.clock(), actor="test") as step:
        step.load(symbols=[AAPL])
        with step.group(correlation="test"):
            step.handle(Position, AAPL, SetPosition(target_net=shares("-7"), reason="counted"))

    look(stations)
    seen = stations.clock()
    look(stations, at=seen + timedelta(hours=1))

    assert since() == {"AAPL": seen}


def test_what_no_whole_share_can_hedge_does_not_age():
    stations = stations_at(AT_THREE + 60 * SECOND, hedge_at="0.5 shares")
    stations.fill(fill("SELL", "0.7", at=AT_THREE))
    look(stations)
    assert since() == {}


def test_a_fill_from_the_future_ages_from_now():
    stations = stations_at(AT_THREE)
    stations.fill(fill("SELL", "2", at=AT_THREE + timedelta(hours=1)))
    look(stations)
    assert since() == {"AAPL": AT_THREE + SECOND}


def test_it_looks_once_a_second_at_most():
    stations = stations_at(AT_THREE + 60 * SECOND)
    watch = watching(stations)
    look(stations, watch)
    stations.fill(fill("SELL", "2", at=AT_THREE))

    look(stations, watch, at=stations.clock() + SECOND / 2)
    assert since() == {}
    look(stations, watch, at=stations.clock() + SECOND / 2)
    assert since() == {"AAPL": AT_THREE}


# When an operator is told.


def test_exposure_older_than_the_limit_is_told_until_it_is_hedged():
    """G3-33: hedging once stood still for hours while the process was up. What is watched is the work done."""
    stations = stations_at(AT_THREE)
    watch = watching(stations)
    stations.fill(fill("SELL", "2", at=AT_THREE))
    halt(AAPL, "out of money", now=stations.clock())

    look(stations, watch, at=AT_THREE + LIMIT - SECOND)
    assert notices() == []
    look(stations, watch, at=AT_THREE + LIMIT)
    assert notices() == [("exposure_aging", "AAPL")]
    assert Notice.objects.get().text == (
        "a net of -2 AAPL has been past its threshold of 1 share since 2026-03-02 15:00:00 UTC and is not hedged; no "
        "order is under way, and the market closes at 21:00 UTC. Look at the orders of AAPL, whether it waits or is "
        "halted, and whether the broker can be reached"
    )

    stations.fill(fill("BUY", "2", at=AT_THREE + timedelta(minutes=6)))
    look(stations, watch)
    assert notices() == []
    assert Notice.objects.get().closed_at == stations.clock()


def test_before_the_close_whatever_is_open_is_told_at_once():
    young = CLOSES - BEFORE_CLOSE - timedelta(minutes=1)
    stations = stations_at(young)
    watch = watching(stations)
    stations.fill(fill("SELL", "2", at=young))

    look(stations, watch, at=CLOSES - BEFORE_CLOSE - SECOND)
    assert notices() == []
    look(stations, watch, at=CLOSES - BEFORE_CLOSE)
    assert notices() == [("exposure_aging", "AAPL")]


def test_what_was_told_before_the_close_stays_open_over_night():
    stations = stations_at(CLOSES - timedelta(minutes=2))
    watch = watching(stations)
    stations.fill(fill("SELL", "2", at=CLOSES - timedelta(minutes=2)))
    look(stations, watch)
    look(stations, watch, at=CLOSES + timedelta(hours=3))
    assert notices() == [("exposure_aging", "AAPL")]


def test_a_fill_outside_hours_is_booked_and_told_only_when_the_opening_did_not_hedge_it():
    stations = stations_at(CLOSES + timedelta(hours=1))
    watch = watching(stations)
    opens = OPENS + timedelta(days=1)
    stations.fill(fill("SELL", "2", at=CLOSES + timedelta(hours=1)))

    for at in (CLOSES + timedelta(hours=2), opens - SECOND, opens, opens + LIMIT - SECOND):
        look(stations, watch, at=at)
        assert notices() == []
    look(stations, watch, at=opens + LIMIT)

    assert notices() == [("exposure_aging", "AAPL")]
    assert since() == {"AAPL": CLOSES + timedelta(hours=1)}


def test_on_a_half_day_the_close_is_at_one():
    one = datetime(2026, 11, 27, 18, tzinfo=UTC)
    stations = stations_at(one - BEFORE_CLOSE - 3 * SECOND)
    watch = watching(stations)
    stations.fill(fill("SELL", "2", at=one - BEFORE_CLOSE - 4 * SECOND))

    look(stations, watch)
    assert notices() == []
    look(stations, watch, at=one - BEFORE_CLOSE)
    assert notices() == [("exposure_aging", "AAPL")]
    assert "the market closes at 18:00 UTC" in Notice.objects.get().text


def test_over_a_weekend_and_on_a_holiday_nobody_is_told_again():
    stations = stations_at(datetime(2026, 7, 3, 15, tzinfo=UTC))
    watch = watching(stations)
    stations.fill(fill("SELL", "2", at=datetime(2026, 7, 2, 23, tzinfo=UTC)))
    for day in (3, 4, 5):
        look(stations, watch, at=datetime(2026, 7, day, 16, tzinfo=UTC))
    assert notices() == []


def test_it_is_told_again_once_a_minute_by_whichever_process():
    stations = stations_at(AT_THREE)
    stations.fill(fill("SELL", "2", at=AT_THREE))
    told = AT_THREE + LIMIT
    watches = watching(stations), watching(stations)
    for seconds in range(122):
        look(stations, watches[seconds % 2], at=told + seconds * SECOND)
        watches[seconds % 2]._looked_at = None
    assert Notice.objects.get().times == 3


def test_the_settings_say_how_long_and_how_near():
    stations = stations_at(AT_THREE)
    stations.fill(fill("SELL", "2", at=AT_THREE))
    patient = ExposureWatch(
        broker=stations.broker, ledger=stations.ledger, limit=timedelta(hours=5), before_close=30 * SECOND
    )
    look(stations, patient, at=CLOSES - timedelta(minutes=65))
    assert notices() == []
    look(stations, patient, at=CLOSES - 30 * SECOND)
    assert notices() == [("exposure_aging", "AAPL")]


def test_an_order_under_way_is_named():
    clock = Clock(AT_THREE)
    stations = Stations(clock=clock, broker=Venue(clock))
    stations.fill(fill("SELL", "2", at=AT_THREE))
    stations.hedge()
    look(stations, at=AT_THREE + LIMIT)
    assert "order 1 is under way" in Notice.objects.get(kind="exposure_aging").text


# Beside others.


def test_no_notice_is_opened_for_what_another_process_found_hedged_meanwhile():
    """It would stand for ever: only a row that goes closes its notice."""
    stations = stations_at(AT_THREE)
    stations.fill(fill("SELL", "2", at=AT_THREE))
    look(stations)
    slow, at = watching(stations), AT_THREE + LIMIT
    found = slow._look(session_at(AT_THREE), at)
    assert found.told
    Exposure.objects.all().delete()

    with transaction.atomic():
        slow._write(found, session_at(AT_THREE), at)

    assert notices() == []


def test_a_change_of_mode_stops_it_before_it_writes_anything():
    stations = stations_at(AT_THREE)
    stations.fill(fill("SELL", "2", at=AT_THREE))
    LedgerMode.objects.update(mode=Mode.EVENTS)

    with pytest.raises(WrongMode):
        look(stations)

    assert since() == {}


def test_with_nothing_to_write_nothing_is_written(django_assert_num_queries):
    stations = stations_at(AT_THREE)
    stations.fill(fill("SELL", "2", at=AT_THREE))
    watch = watching(stations)
    look(stations, watch)
    with django_assert_num_queries(2):
        look(stations, watch)


# The newest fills, which an age is read from.


@pytest.mark.parametrize("mode", MODES)
def test_the_newest_fills_come_in_chain_order_whenever_they_were_processed(mode):
    stations = stations_at(AT_THREE, mode=mode)
    stations.fill(fill("SELL", "3", at=AT_THREE + 8 * SECOND))
    stations.fill(fill("SELL", "1", at=AT_THREE), fill("BUY", "2", "tMSFT", at=AT_THREE + 4 * SECOND))

    newest = stations.ledger.memory().newest_trades(limit=2)

    assert [(each.fill.symbol, each.fill.amount) for each in newest] == [("AAPL", 3), ("MSFT", 2)]
