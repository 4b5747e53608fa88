"""The account is the one that an operator confirmed, or nothing is sent (Q1)."""

import msgspec
import pytest

from tests.support.commands import refused, run
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.outcomes import BrokerUnavailable
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.reconciling.identity import AccountCheck, TradingAccount, confirm_account
from trading.ledger.mode import renew_installation
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock)


def check(venue, clock, *, simulated=False):
    return AccountCheck(venue, simulated=simulated)(clock())


def test_without_a_word_of_an_operator_nothing_is_sent(venue, clock):
    assert check(venue, clock) is False
    assert notices() == [("wrong_account", "dry_run")]


def test_the_confirmed_account_is_traded_in(venue, clock):
    check(venue, clock)
    confirm_account("dry_run", venue.account(), actor="ada", reason="first day", now=clock())

    assert check(venue, clock) is True
    assert notices() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"number": "VENUE-2222"}, "expected account …UE-1, was …2222"),
        ({"paper": False}, "expected a paper account, was a live one"),
        ({"paper": None}, "expected a paper account, was a live one"),
    ],
)
def test_another_account_is_not(venue, clock, changes, told):
    account = venue.account()
    confirm_account("dry_run", account, actor="ada", reason="first day", now=clock())
    venue.account = lambda: msgspec.structs.replace(account, **changes)

    assert check(venue, clock) is False
    assert told in notice_text()


def test_a_renewed_installation_must_be_confirmed_again(venue, clock):
    confirm_account("dry_run", venue.account(), actor="ada", reason="first day", now=clock())
    renew_installation()

    assert check(venue, clock) is False
    assert "expected installation" in notice_text()


def test_where_nothing_is_traded_nobody_needs_to_say_so(venue, clock):
    assert check(venue, clock, simulated=True) is True
    assert TradingAccount.objects.get().actor == "hedgetrail"


def test_an_account_that_does_not_answer_is_asked_again_later_and_nothing_is_sent(venue, clock):
    confirm_account("dry_run", venue.account(), actor="ada", reason="first day", now=clock())
    venue.fail("account", BrokerUnavailable("down"))
    asks = AccountCheck(venue, simulated=False)

    assert [asks(clock()), asks(clock.forward(1)), asks(clock.forward(30))] == [False, False, True]


def test_an_account_that_does_not_answer_is_not_taken_for_another_one(venue, clock):
    account = venue.account()
    confirm_account("dry_run", account, actor="ada", reason="first day", now=clock())
    asks = AccountCheck(venue, simulated=False)
    venue.fail("account", BrokerUnavailable("down"))
    assert (asks(clock()), asks.is_another(clock())) == (False, False)

    venue.account = lambda: msgspec.structs.replace(account, number="VENUE-2222")
    assert asks.is_another(clock.forward(31)) is True


def test_it_is_asked_once_a_process(venue, clock):
    confirm_account("dry_run", venue.account(), actor="ada", reason="first day", now=clock())
    asks = AccountCheck(venue, simulated=False)
    before = len(venue.questions("account"))

    assert [asks(clock.forward(60)) for _ in range(5)] == [True] * 5
    assert len(venue.questions("account")) == before + 1


def test_a_process_in_the_former_account_stops_when_another_one_is_confirmed(venue, clock):
    account = venue.account()
    confirm_account("dry_run", account, actor="ada", reason="first day", now=clock())
    asks = AccountCheck(venue, simulated=False)
    assert asks(clock()) is True

    another = msgspec.structs.replace(account, number="VENUE-2222")
    confirm_account("dry_run", another, actor="ada", reason="it moves", now=clock())

    assert asks(clock.forward(60)) is False
    assert "expected account …2222, was …UE-1" in notice_text()

    confirm_account("dry_run", account, actor="ada", reason="and back", now=clock())
    assert asks(clock.forward(60)) is True


def test_no_order_leaves_until_it_is_right(venue, clock):
    know_tokens("tAAPL")
    stations = Stations(clock=clock, broker=venue)
    stations.dispatcher = Dispatcher(
        broker=venue,
        ledger=stations.ledger,
        clock=clock,
        poll_after=stations.poll_every,
        may_trade=AccountCheck(venue, simulated=False),
    )
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    stations.hedge()
    assert venue.submitted == []
    assert stations.only_order().state is OrderState.PLACED

    confirm_account("dry_run", venue.account(), actor="ada", reason="first day", now=clock())
    stations.forward(30)
    stations.hedge()
    assert stations.only_order().state is OrderState.SUBMITTED


def test_the_command_shows_the_account_and_stores_it(monkeypatch):
    monkeypatch.setenv("BROKER", "dry_run")

    told = run("confirm_account", "--reason", "first day", "--yes")

    assert "dry_run account DRY-RUN (paper)" in told
    row = TradingAccount.objects.get()
    assert (row.account_number, row.paper, row.reason) == ("DRY-RUN", True, "first day")


def test_the_command_stores_nothing_where_the_number_is_not_typed(monkeypatch):
    monkeypatch.setenv("BROKER", "dry_run")
    monkeypatch.setattr("builtins.input", lambda asked: "yes")

    _, told = refused("confirm_account", "--reason", "first day")

    assert "nothing was changed" in told
    assert not TradingAccount.objects.exists()


def test_where_nobody_can_type_the_command_says_so(monkeypatch):
    monkeypatch.setenv("BROKER", "dry_run")
    monkeypatch.setattr("builtins.input", lambda asked: (_ for _ in ()).throw(EOFError))

    _, told = refused("confirm_account", "--reason", "first day")

    assert "expected the account's number on standard input, found its end" in told
    assert not TradingAccount.objects.exists()


def notice_text():
    return Notice.objects.get(kind="wrong_account").text
