"""The token refresher: tokens stay fresh while nobody calls, and an operator is called for in time."""

from datetime import timedelta

import pytest

from tests.support.logins import LOGIN_AT, MadeUpSchwab, grant, keeper, logged_in, store
from tests.support.stations import Clock
from trading.broker_auth.logins import login_of
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded
from trading.conductor.logins import keeper as keeping
from trading.conductor.logins.refresher import TokenRefresher
from trading.notices.models import Notice, open_notices

pytestmark = pytest.mark.django_db

DAY = 24 * 60 * 60
MINUTE = 60


@pytest.fixture
def clock():
    return Clock(LOGIN_AT)


def told():
    return [(notice.kind, notice.subject, notice.text) for notice in open_notices()]


def turn(ours, clock):
    return TokenRefresher(keeper=ours).run_once(now=clock())


def test_a_token_is_refreshed_before_it_ends_though_nobody_calls(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    for _ in range(120):
        clock.forward(MINUTE)
        turn(ours, clock)
        assert store().read("schwab").access.expires_at > clock() + timedelta(minutes=5)

    assert len(schwab.asked) == 4


def test_nobody_is_called_for_while_the_login_is_young(clock):
    ours = logged_in(clock=clock)
    clock.forward(5 * DAY - 1)
    turn(ours, clock)

    assert told() == []


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (timedelta(days=5), "in less than two days. Log in at a quiet hour, with"),
        (timedelta(days=6), "in less than a day. Log in today, before the market closes, with"),
        (timedelta(days=6, hours=12), "in less than twelve hours. LOG IN NOW"),
        # B-brk-4: after any number of refreshes.
        (timedelta(days=6, hours=21), "in less than twelve hours. LOG IN NOW"),
    ],
)
def test_an_operator_is_called_for_in_time_and_more_urgently_each_time(clock, days, said):
    ours = logged_in(clock=clock)
    while clock() - LOGIN_AT < days:
        clock.forward(90 * MINUTE)
        turn(ours, clock)

    ((kind, subject, text),) = told()
    assert (kind, subject) == ("login_needed", "schwab")
    assert "the login at schwab of 2026-03-02 16:00 UTC ends at 2026-03-09 16:00 UTC" in text
    assert said in text
    assert "`manage.py broker_auth schwab`" in text


def test_one_notice_grows_and_is_written_when_it_has_more_to_say(clock):
    ours = logged_in(clock=clock)
    clock.forward(4 * DAY)
    for _ in range(30):
        turn(ours, clock)
        clock.forward(3 * 60 * MINUTE)

    assert Notice.objects.get().times == 4


def test_nobody_logged_in_yet_is_told_too(clock):
    assert turn(keeper(clock=clock), clock) is False

    ((_, _, text),) = told()
    assert text.startswith("NOTHING IS PLACED OR POLLED AT SCHWAB: no login at schwab (nobody has logged in yet)")


def test_a_lost_login_is_told_with_its_reason_and_once(clock):
    ours = logged_in(MadeUpSchwab(LoginNeeded("the broker refused the refresh token (400)")), clock=clock)
    clock.forward(25 * MINUTE)
    for _ in range(3):
        turn(ours, clock)

    ((_, _, text),) = told()
    assert "refused the refresh token (400)" in text
    assert Notice.objects.get().times == 1


def test_a_key_that_is_missing_is_one_notice_and_stays_open(clock):
    logged_in(clock=clock)
    strange = keeper(clock=clock, tokens=store("ab" * 32))
    for _ in range(3):
        turn(strange, clock)

    assert Notice.objects.get().times == 1
    assert "TOKEN_ENCRYPTION_KEYS" in told()[0][2]
    turn(keeper(clock=clock), clock)
    assert told() == []


def test_a_login_closes_the_notice_at_once(clock):
    ours = logged_in(clock=clock)
    clock.forward(6 * DAY)
    turn(ours, clock)
    assert told()

    ours.log_in(grant(9), at=clock())
    assert told() == []
    turn(ours, clock)
    assert told() == []


def test_what_could_not_be_told_before_is_told_at_the_next_turn_or_fails_aloud(clock, monkeypatch):
    ours = keeper(clock=clock)
    with monkeypatch.context() as broken:
        broken.setattr(keeping, "take_notes", lambda broker: 1 / 0)
        ours.log_in(grant(1), at=LOGIN_AT)
        with pytest.raises(ZeroDivisionError):
            turn(ours, clock)

    assert turn(ours, clock) is True
    assert turn(ours, clock) is False


def test_while_the_broker_is_away_the_station_fails_only_when_the_token_has_ended(clock):
    ours = logged_in(MadeUpSchwab(*[BrokerUnavailable("away")] * 9), clock=clock)
    clock.forward(26 * MINUTE)
    turn(ours, clock)
    clock.forward(5 * DAY)

    with pytest.raises(BrokerUnavailable, match="away"):
        turn(ours, clock)
    assert "quiet hour" in told()[0][2]
    assert login_of("schwab").lost_at is None
