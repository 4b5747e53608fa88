"""Many at once: no order is committed after a kill switch was, and no two see the same room under a limit.

Of an account's denials one notice tells for all, so it is closed with the last of them and no sooner.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial

import pytest
from django.db import connections, transaction

from tests.flows.test_concurrency import at_once, many, until
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.trading.risk.asking import NOW, order
from tests.trading.risk.test_controls import set_limit
from trading.ledger.mode import Mode
from trading.risk import records
from trading.risk.controls import KillSwitch, lock_controls, throw
from trading.risk.gate import Denied
from trading.risk.records import Denial, RiskCheck, end_denials, keep_denial
from trading.risk.rules import Rule
from trading.risk.scopes import Scope

pytestmark = pytest.mark.django_db(transaction=True)

SYMBOLS = [f"S{n}" for n in range(12)]


def crew_with_work(mode, *, count: int = 4) -> list[Stations]:
    """Stations, each in a process of its own as it were, and many symbols that each want a hedge."""
    know_tokens(*(f"t{symbol}" for symbol in SYMBOLS))
    crew = many(mode, Clock(), count)
    crew[0].fill(*(log_of(take("SELL", "2", f"t{symbol}"), block=100 + n) for n, symbol in enumerate(SYMBOLS)))
    return crew


def placing(stations: Stations, stop: threading.Event) -> Callable[[], None]:
    """Place one symbol after the other, and begin again, until told to stop."""

    def turn() -> None:
        stations.hedger.run_once(now=stations.clock())

    return until(stop.is_set, turn)


@pytest.mark.parametrize("mode", MODES)
def test_i10_nothing_is_committed_after_the_switch_in_any_process(mode):
    crew = crew_with_work(mode)
    stop, begun, counted = threading.Event(), threading.Event(), []
    placing_one = crew[0].hedger._place

    def place(symbol, now):
        placed = placing_one(symbol, now)
        begun.set()
        return placed

    crew[0].hedger._place = place

    def throw_it() -> None:
        assert begun.wait(60)
        throw(Scope.GLOBAL, "", on=True, reason="a test", actor="operator", at=crew[0].clock())
        # Committed: from here on no order may be, however far one had come.
        counted.append(RiskCheck.objects.count())
        for _ in range(3):
            for stations in crew:
                stations.hedger.run_once(now=stations.forward(1))
        counted.append(RiskCheck.objects.count())
        stop.set()

    at_once(throw_it, *(placing(stations, stop) for stations in crew))

    assert KillSwitch.objects.get(scope="global").is_on
    assert counted[0] == counted[1] == RiskCheck.objects.count() == len(crew[0].orders())
    assert counted[0] >= 1


def test_an_order_under_way_holds_the_switch_off_until_it_is_committed():
    """And the other way round: whoever comes second sees what the first one did."""
    (stations,) = crew_with_work(Mode.DUAL, count=1)
    inside, thrown = threading.Event(), threading.Event()
    checking = stations.gate.check

    def check_and_wait(request, *, now):
        verdict = checking(request, now=now)
        if not inside.is_set():
            inside.set()
            # The switch is being thrown; while this order is not committed, it can't be.
            assert not thrown.wait(0.3)
        return verdict

    stations.gate.check = check_and_wait

    def throw_it() -> int:
        assert inside.wait(60)
        throw(Scope.GLOBAL, "", on=True, reason="a test", actor="operator", at=stations.clock())
        thrown.set()
        return RiskCheck.objects.count()

    def place() -> None:
        stations.hedger.run_once(now=stations.clock())

    seen, _ = at_once(throw_it, place)

    assert seen == RiskCheck.objects.count() == len(stations.orders()) >= 1


@pytest.mark.parametrize(
    ("rule", "value", "orders"), [("daily_notional_usd", "2000", 5), ("orders_per_minute", "3", 3)]
)
def test_i11_orders_that_are_placed_at_once_do_not_share_the_room_under_a_limit(rule, value, orders):
    """G3-36: concurrent orders each saw the full balance."""
    crew = crew_with_work(Mode.DUAL)
    set_limit(value, rule=rule)

    def place(stations: Stations, place_in_line: int) -> Callable[[], None]:
        turns, ready = iter(range(4)), stations.hedger._ready

        def from_elsewhere(now):
            # Each begins with another symbol, so that none waits for another's position.
            symbols = ready(now)
            return symbols[place_in_line * 3 :] + symbols[: place_in_line * 3]

        stations.hedger._ready = from_elsewhere
        return until(lambda: next(turns, None) is None, lambda: stations.hedger.run_once(now=stations.clock()))

    at_once(*(place(stations, number) for number, stations in enumerate(crew)))

    placed = list(RiskCheck.objects.all())
    assert len(placed) == orders
    assert sum((check.notional_usd for check in placed), Decimal(0)) == orders * 400


def test_the_first_lock_of_a_fresh_database_may_be_asked_for_by_many_at_once():
    def lock() -> None:
        with transaction.atomic():
            lock_controls()
        connections.close_all()

    at_once(*([lock] * 6))

    assert KillSwitch.objects.count() == 1


def deny(symbol: str) -> Denial:
    too_much = Denied(rule=Rule.BUYING_POWER, text="too much", figures={})
    return keep_denial(order(symbol=symbol), too_much, now=NOW)


def test_of_two_who_each_end_one_of_two_denials_the_later_one_closes_their_notice(monkeypatch):
    denials = [deny("AAPL"), deny("MSFT")]
    both, subject_of = threading.Barrier(2), records._notice_subject

    def and_the_other_is_as_far(denial):
        # Where one waits for the other to commit, they do not meet here.
        with suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return subject_of(denial)

    monkeypatch.setattr(records, "_notice_subject", and_the_other_is_as_far)

    at_once(*(partial(end_denials, [denial], now=NOW) for denial in denials))

    assert notices() == []


def test_a_notice_is_not_closed_over_a_denial_that_is_kept_at_the_same_time():
    ended, kept = deny("AAPL"), threading.Event()

    def keep() -> None:
        with transaction.atomic():
            deny("MSFT")
            kept.set()
            time.sleep(0.3)  # The commit takes a while.

    def end() -> None:
        assert kept.wait(60)
        end_denials([ended], now=NOW)

    at_once(keep, end)

    assert Denial.objects.get(ended_at=None).symbol == "MSFT"
    assert notices() == [("order_denied", "alpaca")]


def test_who_has_no_denial_to_end_asks_the_database_for_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        end_denials([], now=NOW)
