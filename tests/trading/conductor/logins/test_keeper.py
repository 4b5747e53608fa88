"""The token keeper: a token that is good for the next call, refreshed once by whoever comes first, and never lost."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction

from eventstore.models import StoredEvent
from tests.support.logins import (
    LOGIN_AT,
    NEW_KEY,
    Grant,
    MadeUpSchwab,
    frames_of_ours,
    grant,
    keeper,
    logged_in,
    store,
)
from tests.support.stations import MODES, Clock
from trading.broker_auth.aggregate import AuthState
from trading.broker_auth.logins import BrokerLogin, login_of, take_claim
from trading.broker_auth.outbox import AuthNote
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded, NotAuthorised, OutcomeUnknown, RateLimited
from trading.conductor.logins import keeper as keeping
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.mode import Mode
from trading.notices.models import open_notice, open_notices
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db

MINUTE = 60
UNAVAILABLE = BrokerUnavailable("the line is dead")
NO_ANSWER = OutcomeUnknown("no answer came")
REFUSED = LoginNeeded("the broker refused the refresh token (400): invalid_grant")


def access(n):
    return Secret(f"ACCESS-{n}-SECRET@")


def refresh_text(n):
    return f"REFRESH-{n}-SECRET@"


def events():
    return [name.partition("::")[2] for name in StoredEvent.objects.order_by("number").values_list("type", flat=True)]


@pytest.fixture
def clock():
    return Clock(LOGIN_AT)


# A token for the next call


def test_without_a_login_it_is_said_how_to_log_in(clock):
    with pytest.raises(LoginNeeded, match=r"nobody has logged in yet.*manage.py broker_auth schwab"):
        keeper(clock=clock).current()


def test_a_token_with_more_than_five_minutes_left_is_used_as_it_is(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    clock.forward(25 * MINUTE - 1)

    assert ours.current() == access(1)
    assert schwab.asked == []


@pytest.mark.parametrize("seconds", [25 * MINUTE, 30 * MINUTE, 60 * MINUTE])
def test_a_token_with_five_minutes_or_less_left_is_refreshed_first(clock, seconds):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    clock.forward(seconds)

    assert ours.current() == access(2)
    assert ours.current() == access(2)
    assert schwab.asked == [refresh_text(1)]


def test_each_refresh_uses_the_newest_refresh_token(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    for _ in range(3):
        clock.forward(25 * MINUTE)
        ours.current()

    assert schwab.asked == [refresh_text(n) for n in (1, 2, 3)]


def test_no_refresh_makes_the_login_last_longer(clock):
    """B-brk-4: seven days count from the login."""
    ours = logged_in(clock=clock)
    for _ in range(60):
        clock.forward(150 * MINUTE)
        ours.current()

    ends = {row.kind: row.expires_at for row in BrokerToken.objects.all()}
    assert ends["refresh"] == LOGIN_AT + timedelta(days=7)
    assert login_of("schwab").login_at == LOGIN_AT
    assert SchwabAuthView.objects.get().refresh_expires_at == LOGIN_AT + timedelta(days=7)


def test_a_token_is_held_for_good_from_when_it_was_asked_for(clock):
    """The answer may take its time, and the broker counted meanwhile."""

    def slow():
        clock.forward(20)
        return grant(2)

    ours = logged_in(MadeUpSchwab(slow), clock=clock)
    asked_at = clock.forward(26 * MINUTE)
    ours.current()

    assert BrokerToken.objects.get(kind="access").expires_at == asked_at + timedelta(minutes=30)


# What became of it, told


@pytest.mark.parametrize("mode", MODES)
def test_events_tell_that_and_when_in_every_mode(clock, mode):
    ours = logged_in(MadeUpSchwab(grant(2), REFUSED), clock=clock, mode=mode)
    clock.forward(25 * MINUTE)
    ours.current()
    refreshed_at = clock()
    lost_at = clock.forward(25 * MINUTE)
    with pytest.raises(LoginNeeded):
        ours.current()

    assert events() == ["TokensStored", "AccessTokenRefreshed", "AuthenticationLost"]
    view = SchwabAuthView.objects.get()
    assert (view.state, view.login_at, view.refreshed_at, view.lost_at) == (
        AuthState.NOT_AUTHENTICATED,
        LOGIN_AT,
        refreshed_at,
        lost_at,
    )
    assert "invalid_grant" in view.lost_reason
    assert not AuthNote.objects.exists()


def test_tokens_are_stored_though_no_event_can_be_written_and_the_event_follows(clock, monkeypatch):
    """Nothing that goes wrong after the tokens came takes them back."""
    ours = logged_in(MadeUpSchwab(), clock=clock)
    clock.forward(25 * MINUTE)
    with monkeypatch.context() as broken:
        broken.setattr(keeping, "take_notes", lambda broker: 1 / 0)
        assert ours.current() == access(2)

    assert events() == ["TokensStored"]
    assert AuthNote.objects.count() == 1
    assert ours.current() == access(2)

    assert ours.tell() == 1
    assert events() == ["TokensStored", "AccessTokenRefreshed"]
    assert ours.tell() == 0


def test_a_process_in_another_ledger_mode_stores_its_tokens_and_leaves_the_telling_to_others(clock):
    logged_in(clock=clock, mode=Mode.DUAL)
    clock.forward(25 * MINUTE)

    assert keeper(clock=clock, mode=Mode.EVENTS).current() == access(2)

    assert AuthNote.objects.count() == 1
    assert keeper(clock=clock, mode=Mode.DUAL).tell() == 1


def test_events_that_the_store_refuses_wait_on_the_backlog_and_the_state_goes_on(clock, monkeypatch):
    ours = logged_in(MadeUpSchwab(), clock=clock)

    def refuse(*args, **options):
        raise ValueError("the store refuses")

    with monkeypatch.context() as broken:
        broken.setattr("trading.ledger.book.append", refuse)
        for _ in range(2):
            clock.forward(25 * MINUTE)
            ours.current()

    versions = BackloggedEvent.objects.order_by("id").values_list("aggregate_type", "version")
    assert list(versions) == [("SchwabAuth", 2), ("SchwabAuth", 3)]
    assert not AuthNote.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_store_that_fails_for_a_moment_is_asked_again_before_a_token_is_let_go(clock, monkeypatch):
    tries = []
    real = keeping.store_refresh

    def fails_twice(*args, **options):
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return real(*args, **options)

    ours = logged_in(clock=clock)
    clock.forward(25 * MINUTE)
    monkeypatch.setattr(keeping, "store_refresh", fails_twice)

    assert ours.current() == access(2)
    assert keeper(clock=clock).current() == access(2)


# When no refresh is to be had


@pytest.mark.parametrize("trouble", [UNAVAILABLE, RateLimited("enough"), NotAuthorised("forbidden (403)")])
def test_a_token_is_used_to_its_end_while_no_newer_one_is_to_be_had(clock, trouble):
    schwab = MadeUpSchwab(*[trouble] * 99)
    ours = logged_in(schwab, clock=clock)
    clock.forward(25 * MINUTE)

    while clock() < LOGIN_AT + timedelta(minutes=30):
        assert ours.current() == access(1)
        clock.forward(1)

    with pytest.raises(type(trouble), match=str(trouble).partition(" (")[0]):
        ours.current()
    # The broker was not asked before each call, but every fifteen seconds.
    assert 10 <= len(schwab.asked) <= 22


def test_after_the_end_of_a_token_each_call_tries_anew(clock):
    ours = logged_in(MadeUpSchwab(UNAVAILABLE, UNAVAILABLE), clock=clock)
    clock.forward(31 * MINUTE)
    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            ours.current()

    assert ours.current() == access(2)


def test_how_long_a_broker_asks_us_to_wait_is_handed_on(clock):
    ours = logged_in(MadeUpSchwab(RateLimited("enough", retry_after=timedelta(seconds=7))), clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises(RateLimited) as raised:
        ours.current()
    assert raised.value.retry_after == timedelta(seconds=7)


def test_an_error_of_our_own_gives_the_claim_back(clock):
    ours = logged_in(MadeUpSchwab(ZeroDivisionError("ours")), clock=clock)
    clock.forward(31 * MINUTE)
    with pytest.raises(ZeroDivisionError):
        ours.current()

    assert ours.current() == access(2)


# Nobody knows what came of it


def test_without_an_answer_it_is_asked_once_more_with_the_same_refresh_token(clock):
    schwab = MadeUpSchwab(NO_ANSWER)
    ours = logged_in(schwab, clock=clock)
    clock.forward(31 * MINUTE)

    assert ours.current() == access(2)
    assert schwab.asked == [refresh_text(1)] * 2


def test_without_an_answer_the_rows_are_looked_at_before_it_is_asked_again(clock):
    """A login, or another process, may have brought newer tokens meanwhile."""

    def no_answer_but_a_login():
        keeper(clock=clock).log_in(grant(7), at=clock())
        raise NO_ANSWER

    schwab = MadeUpSchwab(no_answer_but_a_login)
    ours = logged_in(schwab, clock=clock)
    clock.forward(31 * MINUTE)

    assert ours.current() == access(7)
    assert schwab.asked == [refresh_text(1)]


def test_two_refreshes_without_an_answer_are_one_that_is_not_to_be_had(clock):
    ours = logged_in(MadeUpSchwab(NO_ANSWER, NO_ANSWER), clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises(BrokerUnavailable, match="two refreshes at schwab got no answer"):
        ours.current()
    assert ours.current() == access(2)


def test_a_refresh_token_that_was_used_up_by_the_one_without_an_answer_ends_the_login(clock):
    ours = logged_in(MadeUpSchwab(NO_ANSWER, REFUSED), clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises(LoginNeeded):
        ours.current()
    assert events() == ["TokensStored", "AuthenticationLost"]


# The end of a login


def test_a_refusal_ends_the_login_once_and_keeps_the_tokens(clock):
    schwab = MadeUpSchwab(REFUSED)
    ours = logged_in(schwab, clock=clock)
    clock.forward(31 * MINUTE)
    for _ in range(3):
        with pytest.raises(LoginNeeded, match=r"lost at .*invalid_grant.*broker_auth schwab"):
            ours.current()

    assert len(schwab.asked) == 1
    assert events() == ["TokensStored", "AuthenticationLost"]
    assert [(notice.kind, notice.subject, notice.times) for notice in open_notices()] == [("login_needed", "schwab", 1)]
    assert store().read("schwab").refresh.secret == grant(1).refresh_token


def test_after_a_login_all_goes_on_and_its_notice_is_closed(clock):
    ours = logged_in(MadeUpSchwab(REFUSED), clock=clock)
    clock.forward(31 * MINUTE)
    with pytest.raises(LoginNeeded):
        ours.current()
    open_notice("login_needed", "schwab", "log in", at=clock())

    assert ours.log_in(grant(5), at=clock()) == clock() + timedelta(days=7)

    assert ours.current() == access(5)
    assert open_notices() == []
    assert SchwabAuthView.objects.get().state == AuthState.AUTHENTICATED


def test_after_seven_days_the_broker_is_not_even_asked(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    clock.forward(7 * 24 * 60 * MINUTE)

    with pytest.raises(LoginNeeded, match="ended after seven days"):
        ours.current()
    assert schwab.asked == []
    assert events() == ["TokensStored", "AuthenticationLost"]


def test_a_token_that_was_given_before_the_login_ended_is_used_to_its_own_end(clock):
    ours = logged_in(clock=clock)
    clock.forward(7 * 24 * 60 * MINUTE - 10 * MINUTE)
    assert ours.current() == access(2)
    clock.forward(29 * MINUTE)
    assert ours.current() == access(2)

    clock.forward(1 * MINUTE)
    with pytest.raises(LoginNeeded):
        ours.current()


# What the broker answered 401 to


def test_a_refused_token_is_replaced_by_a_refresh(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)

    assert ours.refused(access(1)) == access(2)
    assert len(schwab.asked) == 1


def test_one_who_was_refused_an_older_token_gets_the_one_that_is_there(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    clock.forward(25 * MINUTE)
    ours.current()

    assert ours.refused(access(1)) == access(2)
    assert len(schwab.asked) == 1


def test_one_refused_token_ends_no_login(clock):
    """A 401 to a call says nothing of the refresh token."""
    ours = logged_in(MadeUpSchwab(UNAVAILABLE), clock=clock)
    with pytest.raises(BrokerUnavailable):
        ours.refused(access(1))

    assert BrokerToken.objects.count() == 2
    assert login_of("schwab").lost_at is None
    assert ours.refused(access(1)) == access(2)


def test_where_no_newer_token_is_any_help_it_is_not_refreshed_with_every_call(clock):
    """Three in a row, each refused within a minute: then one a minute."""
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    token = access(1)
    for _ in range(3):
        token = ours.refused(token)
        clock.forward(10)

    with pytest.raises(BrokerUnavailable, match="refused 3 tokens in a row"):
        ours.refused(token)
    assert len(schwab.asked) == 3
    clock.forward(60)
    assert ours.refused(token) == access(5)
    assert login_of("schwab").refusals == 1


def test_a_refused_token_of_a_login_that_is_over_ends_it(clock):
    ours = logged_in(clock=clock)
    clock.forward(7 * 24 * 60 * MINUTE - 10 * MINUTE)
    token = ours.current()
    clock.forward(15 * MINUTE)

    with pytest.raises(LoginNeeded, match="ended after seven days"):
        ours.refused(token)


# Others at the same time


def test_who_comes_second_uses_the_token_that_still_lasts(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    clock.forward(26 * MINUTE)
    assert take_claim(login_of("schwab"), now=clock()) is not None

    assert ours.current() == access(1)
    assert schwab.asked == []


def test_who_comes_second_with_a_token_that_has_ended_waits_for_the_newer_one(clock):
    schwab, waits = MadeUpSchwab(), []

    def done_at_the_third_look(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            keeper(clock=clock).log_in(grant(9), at=clock())

    ours = logged_in(schwab, clock=clock, pause=done_at_the_third_look)
    clock.forward(31 * MINUTE)
    take_claim(login_of("schwab"), now=clock())

    assert ours.current() == access(9)
    assert len(waits) == 3
    assert schwab.asked == []


def test_who_waits_in_vain_says_so(clock):
    ours = logged_in(clock=clock)
    clock.forward(31 * MINUTE)
    take_claim(login_of("schwab"), now=clock())

    with pytest.raises(BrokerUnavailable, match="another process is refreshing"):
        ours.current()


def test_a_claim_whose_holder_died_ends_after_a_minute(clock):
    ours = logged_in(clock=clock)
    clock.forward(31 * MINUTE)
    take_claim(login_of("schwab"), now=clock())
    clock.forward(60)

    assert ours.current() == access(2)


def test_who_slept_through_its_claim_puts_no_older_tokens_over_newer_ones(clock):
    other = keeper(MadeUpSchwab(grant(8)), clock=clock)

    def slept():
        clock.forward(120)
        assert other.current() == access(8)
        return grant(2)

    ours = logged_in(MadeUpSchwab(slept), clock=clock)
    clock.forward(31 * MINUTE)

    assert ours.current() == access(8)
    assert store().read("schwab").refresh.secret == grant(8).refresh_token
    assert events() == ["TokensStored", "AccessTokenRefreshed"]


def test_a_refusal_of_one_who_slept_ends_no_login_that_was_refreshed_meanwhile(clock):
    other = keeper(MadeUpSchwab(grant(8)), clock=clock)

    def slept():
        clock.forward(120)
        other.current()
        raise REFUSED

    ours = logged_in(MadeUpSchwab(slept), clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises(BrokerUnavailable, match="newer tokens are stored: ask again") as raised:
        ours.current()
    assert not isinstance(raised.value, LoginNeeded)
    assert ours.current() == access(8)
    assert events() == ["TokensStored", "AccessTokenRefreshed"]


def test_tokens_that_come_after_another_was_refused_for_them_bring_the_login_back(clock):
    """The first to ask was answered last: its tokens are the good ones, and the refusal was of the used-up one."""
    other = keeper(MadeUpSchwab(REFUSED), clock=clock)

    def slept():
        clock.forward(120)
        with pytest.raises(LoginNeeded):
            other.current()
        return grant(2)

    ours = logged_in(MadeUpSchwab(slept), clock=clock)
    clock.forward(31 * MINUTE)

    assert ours.current() == access(2)
    assert events() == ["TokensStored", "AuthenticationLost", "TokensStored"]
    view = SchwabAuthView.objects.get()
    assert (view.state, view.login_at) == (AuthState.AUTHENTICATED, LOGIN_AT)


def test_a_login_while_a_refresh_is_under_way_stands(clock):
    def a_login_meanwhile():
        keeper(clock=clock).log_in(grant(7), at=clock())
        return grant(2)

    ours = logged_in(MadeUpSchwab(a_login_meanwhile), clock=clock)
    clock.forward(31 * MINUTE)

    assert ours.current() == access(7)
    assert store().read("schwab").refresh.secret == grant(7).refresh_token


@pytest.mark.django_db(transaction=True)
def test_nobody_refreshes_inside_a_transaction(clock):
    schwab = MadeUpSchwab()
    ours = logged_in(schwab, clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        ours.current()
    assert schwab.asked == []


# Keys


def test_tokens_under_a_key_that_is_not_there_ask_for_the_key_or_a_login_and_stay(clock):
    logged_in(clock=clock)

    with pytest.raises(LoginNeeded, match="TOKEN_ENCRYPTION_KEYS, or log in again"):
        keeper(clock=clock, tokens=store(NEW_KEY)).current()
    assert keeper(clock=clock).current() == access(1)


def test_a_row_without_its_tokens_asks_for_a_login(clock):
    ours = logged_in(clock=clock)
    BrokerToken.objects.filter(kind="refresh").delete()

    with pytest.raises(LoginNeeded, match="its tokens are not there"):
        ours.current()


# Nothing is shown


def test_what_a_broker_says_is_kept_without_our_tokens_in_it(clock):
    said = f"the token {refresh_text(1)} is not known here"
    ours = logged_in(MadeUpSchwab(LoginNeeded(said)), clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises(LoginNeeded) as raised:
        ours.current()

    assert "SECRET" not in frames_of_ours(raised.value)
    assert "the token *** is not known here" in login_of("schwab").lost_reason


@pytest.mark.parametrize("trouble", [UNAVAILABLE, NO_ANSWER, ZeroDivisionError()])
def test_no_local_name_holds_a_token_where_an_error_passes(clock, trouble):
    ours = logged_in(MadeUpSchwab(trouble, trouble), clock=clock)
    clock.forward(31 * MINUTE)

    with pytest.raises((BrokerUnavailable, ZeroDivisionError)) as raised:
        ours.current()
    assert "SECRET" not in frames_of_ours(raised.value)


def test_no_log_line_tells_a_token(clock, caplog):
    ours = logged_in(MadeUpSchwab(NO_ANSWER, UNAVAILABLE, LoginNeeded(f"no {refresh_text(1)}")), clock=clock)
    clock.forward(26 * MINUTE)
    ours.current()
    clock.forward(5 * MINUTE)
    with pytest.raises(LoginNeeded):
        ours.current()

    assert "Login lost" in caplog.text
    assert "SECRET" not in caplog.text


def test_a_broker_that_gives_a_token_of_no_length_is_asked_again_at_the_next_call(clock):
    empty = Grant(access(2), Secret(refresh_text(2)), timedelta(0))
    ours = logged_in(MadeUpSchwab(empty), clock=clock)
    clock.forward(31 * MINUTE)
    assert ours.current() == access(2)
    assert ours.current() == access(2)
    assert BrokerLogin.objects.get().stored_claim == 3
