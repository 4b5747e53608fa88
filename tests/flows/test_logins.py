"""Logins among many processes, and nowhere a token that anybody could read."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from eventstore.models import StoredEvent
from tests.flows.test_concurrency import at_once
from tests.support.commands import run
from tests.support.logins import (
    KEY,
    LOGIN_AT,
    NEW_KEY,
    MadeUpSchwab,
    every_cell,
    frames_of_ours,
    grant,
    keeper,
    logged_in,
    store,
)
from tests.support.stations import MODES, Clock
from tests.trading.admin.pages import list_of, page_of
from tests.trading.cutover.test_login import legacy
from trading.broker_auth.keys import KeyRing
from trading.broker_auth.logins import BrokerLogin
from trading.broker_auth.outbox import AuthNote
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded
from trading.conductor.logins.refresher import TokenRefresher
from trading.cutover.login import FoundLogin, LoginMigration
from trading.cutover.migrating import migrate
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.compare import compare
from trading.ledger.mode import LedgerMode, Mode
from trading.notices.models import Notice
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = 60
AT_ONCE = 6
LIVE = {"pause": time.sleep}


def slow_answer():
    """Long enough for all others to come by and find that the refresh is claimed."""
    time.sleep(0.3)
    return grant(2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("minutes", [31, 600])
def test_many_who_need_a_newer_token_at_once_refresh_once_and_all_have_it(mode, minutes):
    clock, schwab = Clock(LOGIN_AT), MadeUpSchwab(slow_answer)
    logged_in(schwab, clock=clock, mode=mode)
    clock.forward(minutes * MINUTE)

    found = at_once(*[keeper(schwab, clock=clock, mode=mode, **LIVE).current for _ in range(AT_ONCE)])

    assert found == [grant(2).access_token] * AT_ONCE
    assert len(schwab.asked) == 1
    types = list(StoredEvent.objects.order_by("number").values_list("type", flat=True))
    assert types == ["SchwabAuthEvent::TokensStored", "SchwabAuthEvent::AccessTokenRefreshed"]
    assert not AuthNote.objects.exists()
    assert not BackloggedEvent.objects.exists()


def test_many_whose_token_was_refused_at_once_refresh_once():
    clock, schwab = Clock(LOGIN_AT), MadeUpSchwab(slow_answer)
    logged_in(schwab, clock=clock)

    refused = [lambda: keeper(schwab, clock=clock, **LIVE).refused(grant(1).access_token)] * AT_ONCE

    assert at_once(*refused) == [grant(2).access_token] * AT_ONCE
    assert len(schwab.asked) == 1


def test_many_who_find_the_token_about_to_end_are_held_up_by_nobody():
    """One refreshes; the others use the token that lasts for five minutes still."""
    clock, asking, answered = Clock(LOGIN_AT), threading.Event(), threading.Event()

    def not_before_the_others():
        asking.set()
        assert answered.wait(30)
        return grant(2)

    schwab = MadeUpSchwab(not_before_the_others)
    logged_in(schwab, clock=clock)
    clock.forward(26 * MINUTE)

    def others():
        assert asking.wait(30)
        found = [keeper(schwab, clock=clock).current() for _ in range(3)]
        answered.set()
        return found

    first, rest = at_once(keeper(schwab, clock=clock).current, others)

    assert first == grant(2).access_token
    assert rest == [grant(1).access_token] * 3
    assert len(schwab.asked) == 1


def test_while_the_broker_is_asked_every_row_can_be_written():
    """No lock is held over the network: not the login's row, and on SQLite not the database's."""
    clock = Clock(LOGIN_AT)
    made = []

    def a_login_and_a_notice_meanwhile():
        def write():
            try:
                keeper(clock=clock).log_in(grant(5), at=clock())
                Notice.objects.create(kind="k", subject="s", text="t", opened_at=clock(), last_met_at=clock())
                made.append(True)
            finally:
                connection.close()

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(15)
        return grant(2)

    ours = logged_in(MadeUpSchwab(a_login_and_a_notice_meanwhile), clock=clock)
    clock.forward(31 * MINUTE)

    assert ours.current() == grant(5).access_token
    assert made == [True]


def test_a_refused_refresh_is_one_loss_however_many_ask():
    clock = Clock(LOGIN_AT)

    def refused():
        time.sleep(0.3)
        raise LoginNeeded("refused (400)")

    schwab = MadeUpSchwab(refused)
    logged_in(schwab, clock=clock)
    clock.forward(31 * MINUTE)

    def ask():
        try:
            return keeper(schwab, clock=clock, **LIVE).current()
        except LoginNeeded:
            return "log in"

    assert at_once(*[ask] * AT_ONCE) == ["log in"] * AT_ONCE
    assert len(schwab.asked) == 1
    assert StoredEvent.objects.filter(type="SchwabAuthEvent::AuthenticationLost").count() == 1


def test_notes_that_many_tell_at_once_are_told_once_and_in_order():
    clock = Clock(LOGIN_AT)
    ours = keeper(clock=clock, mode=Mode.DUAL)
    ours._tell_or_leave_it = lambda: None
    for n in range(1, 6):
        ours.log_in(grant(n), at=clock.forward(MINUTE))

    at_once(*[keeper(clock=clock, mode=Mode.DUAL).tell for _ in range(AT_ONCE)])

    stored = StoredEvent.objects.order_by("number").values_list("version", "data")
    assert [version for version, _ in stored] == [1, 2, 3, 4, 5]
    assert sorted(data for _, data in stored) == [data for _, data in stored]


def test_a_migration_and_a_login_at_once_leave_the_login_and_raise_nothing():
    LedgerMode.objects.create(mode=Mode.LEGACY)
    keys = KeyRing.parse(Secret(KEY))

    def bring():
        return migrate(
            LoginMigration(FoundLogin(legacy()), keys=keys, older_key=Secret(KEY)), at=LOGIN_AT, tell=lambda done: None
        )

    def log_in():
        keeper(mode=Mode.LEGACY).log_in(grant(1), at=LOGIN_AT)

    at_once(bring, log_in)
    keeper(mode=Mode.LEGACY).tell()

    assert store().read("schwab").access.secret == grant(1).access_token
    assert SchwabAuthView.objects.get().login_at == LOGIN_AT
    assert StoredEvent.objects.count() in (1, 2)
    assert list(compare(Mode.DUAL)) == []


# Nowhere a token


SECRETS = ("SECRET", MadeUpSchwab.CODE, KEY, NEW_KEY)


def a_week(clock, mode):
    """All that happens to tokens: logins, refreshes, refusals, no answers, a loss, an older process, new keys."""
    troubles = []
    schwab = MadeUpSchwab(grant(2), BrokerUnavailable("away REFRESH-2-SECRET@"), grant(3))
    ours = logged_in(schwab, clock=clock, mode=mode)
    station = TokenRefresher(keeper=ours)
    for _ in range(4):
        clock.forward(26 * MINUTE)
        station.run_once(now=clock())
    ours.refused(store().read("schwab").access.secret)
    clock.at = LOGIN_AT + timedelta(days=6)
    station.run_once(now=clock())
    schwab.answers = [LoginNeeded(f"the token {store().read('schwab').refresh.secret.reveal()} is not known")]
    clock.forward(31 * MINUTE)
    try:
        ours.current()
    except LoginNeeded as error:
        troubles.append(error)
    station.run_once(now=clock())
    ours.log_in(grant(40), at=clock())
    store(NEW_KEY, KEY).rotate()
    try:
        ours.current()
    except LoginNeeded as error:
        troubles.append(error)
    return ours, station, troubles


@pytest.mark.parametrize("mode", MODES)
def test_no_token_is_in_any_row_event_log_error_or_repr(mode, caplog, capfd):
    caplog.set_level("DEBUG")
    ours, station, troubles = a_week(Clock(LOGIN_AT), mode)

    cells = list(every_cell())
    told = [
        *cells,
        caplog.text,
        *capfd.readouterr(),
        *map(frames_of_ours, troubles),
        *map(repr, [ours, station, store(), *BrokerToken.objects.all(), *BrokerLogin.objects.all()]),
        repr(ours._kept) if mode is None else repr(store(NEW_KEY).read("schwab")),
    ]
    assert len(troubles) == 2
    assert any("SchwabAuthEvent::AuthenticationLost" in cell for cell in cells)
    assert any("login_needed" in cell for cell in cells)
    assert any("is not known" in cell for cell in cells)
    assert "Token refreshed" in caplog.text
    for secret in SECRETS:
        for hidden in (secret, secret.encode().hex()):
            assert [text for text in told if hidden in text] == []


def test_no_page_of_the_admin_shows_a_token_or_a_ciphertext(client, django_user_model):
    a_week(Clock(LOGIN_AT), Mode.DUAL)
    ciphertexts = list(BrokerToken.objects.values_list("ciphertext", flat=True))
    client.force_login(django_user_model.objects.create_superuser("operator"))

    models = ["brokertoken", "brokerlogin", "schwabauthview", "authnote", "notice"]
    pages = [list_of(f"trading.{model}") for model in models] + [list_of("eventstore.storedevent")]
    rows = [*BrokerToken.objects.all(), *BrokerLogin.objects.all(), *SchwabAuthView.objects.all()]
    rows += [*Notice.objects.all(), *StoredEvent.objects.all()]
    pages += map(page_of, rows)
    seen = [client.get(page) for page in pages]

    assert {answer.status_code for answer in seen} == {200}
    assert len(pages) > 10
    for hidden in (*SECRETS, *ciphertexts):
        assert [answer.request["PATH_INFO"] for answer in seen if hidden in answer.content.decode()] == []


def test_no_command_that_looks_prints_a_token():
    a_week(Clock(LOGIN_AT), Mode.DUAL)

    printed = run("show_stream", "SchwabAuth", "schwab") + run("show_stream", "SchwabAuth", "schwab", "--json")

    assert "AuthenticationLost" in printed
    assert [secret for secret in SECRETS if secret in printed] == []
