"""Failed trades, and decisions to look at: the newest first, each with why, a page at a time."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.config.desk.looking import content_links, someone_who_may, words
from tests.support import decided
from tests.support import factories as make
from tests.support.factories import NOON
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

PENDING = {"status": "pending", "failed_at": None, "failure_kind": None, "reason": None}
BLOCKED = PENDING | {"blocked_by": "restricted_symbol", "blocked_reason": "until Friday", "blocked_at": NOON}


def before(**span):
    return NOON - timedelta(**span)


@pytest.fixture(autouse=True)
def on_its_day(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON + timedelta(hours=4))


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, words(answer)
    return answer


def symbols(answer):
    return [row.symbol for row in answer.context["found"].rows]


def decision(at=NOON, **facts):
    return decided.decision(known_at=at, decided_at=at, **facts)


def a_day_of_failures(order=make.order):
    decision(before(minutes=1), symbol="AAA")
    decision(before(minutes=2), symbol="BBB", status="executed", reason=None, failure_kind=None, failed_at=None)
    decision(before(minutes=3), symbol="CCC", status="unknown", reason="no answer", failure_kind=None, failed_at=None)
    failing = {"status": "FAILED"} if order is make.order else {"status": "Failed"}
    order(symbol="DDD", placed_at=before(minutes=4), detailed_status="rejected", reason="no buying power", **failing)
    order(symbol="EEE", placed_at=before(minutes=5))
    make.denial(symbol="FFF", rule="max_order_shares", text="9 are more than 5", times=3, first_at=before(minutes=6))
    make.denial(symbol="GGG", strategy="congressional", first_at=before(minutes=7))


def test_a_hedge_that_was_denied_for_less_than_a_minute_was_waited_for(boss):
    for symbol, seconds in (("SHORT", 59), ("LONG", 60)):
        make.denial(symbol=symbol, first_at=NOON, ended_at=NOON + timedelta(seconds=seconds))
    make.denial(symbol="STANDS", first_at=NOON)

    assert sorted(symbols(page(boss, "/failed/"))) == ["LONG", "STANDS"]


def test_what_failed_in_either_pipeline_stands_in_one_list_the_newest_first(boss):
    a_day_of_failures()

    answer = page(boss, "/failed/")

    assert symbols(answer) == ["AAA", "CCC", "DDD", "FFF"]
    told = words(answer)
    assert "buy 4.5 shares failed insufficient buying power: insufficient buying power" in told
    assert "hedge, order" in told
    assert "sell 3 shares rejected no buying power" in told
    assert "denied, stands max order shares: 9 are more than 5 (3 times)" in told
    for link in set(content_links(answer)):
        assert boss.get(link).status_code == 200, link


def test_orders_are_of_the_memory_that_is_read(boss):
    make.ledger_mode(mode=Mode.EVENTS)
    a_day_of_failures(make.order_view)

    assert symbols(page(boss, "/failed/")) == ["AAA", "CCC", "DDD", "FFF"]


def test_an_order_of_which_it_is_not_known_when_it_was_placed_stands_by_its_end(boss):
    make.order(symbol="OLD", status="FAILED", detailed_status="failed", placed_at=None, ended_at=before(minutes=1))
    decision(before(minutes=2), symbol="AAA")

    assert symbols(page(boss, "/failed/")) == ["OLD", "AAA"]


def test_nothing_that_failed_is_said_to_be_nothing(boss):
    assert "There is none." in words(page(boss, "/failed/"))
    assert "There is none." in words(page(boss, "/decisions/"))


@pytest.mark.parametrize(
    ("right", "seen"),
    [
        ("audit_trail.view_tradedecision", ["AAA", "CCC"]),
        ("trading.view_offchaintrade", ["DDD"]),
        ("trading.view_denial", ["FFF"]),
    ],
)
def test_who_may_see_one_kind_sees_that_alone(client, django_user_model, right, seen):
    a_day_of_failures()
    client.force_login(someone_who_may(django_user_model, right))

    assert symbols(page(client, "/failed/")) == seen


def test_who_may_see_none_sees_no_list(client, django_user_model):
    client.force_login(someone_who_may(django_user_model, "trading.view_tradeaccumulator"))

    assert client.get("/failed/").status_code == 403
    assert client.get("/decisions/").status_code == 403
    client.logout()
    assert client.get("/failed/").headers["Location"].startswith("/admin/login/")


@pytest.fixture
def looked_at():
    decision(before(minutes=1), symbol="FAILED")
    decision(before(minutes=2), symbol="LOST", status="unknown", reason="no answer", failure_kind=None, failed_at=None)
    decision(before(minutes=3), symbol="BLOCKED", **BLOCKED)
    decision(before(days=3), symbol="OVERDUE", trading_day=date(2026, 2, 27), **PENDING)
    partly = {"status": "partially_executed", "executed_at": NOON, "failed_at": None, "failure_kind": None}
    decision(before(minutes=4), symbol="PARTLY", **partly)
    # In order: it waits for its day, or was executed whole.
    decision(before(minutes=5), symbol="WAITS", **PENDING)
    decision(before(minutes=6), symbol="DONE", **partly | {"status": "executed", "reason": None})


def test_decisions_to_look_at_are_those_that_are_not_as_they_should_be(boss, looked_at):
    answer = page(boss, "/decisions/")

    assert symbols(answer) == ["FAILED", "LOST", "BLOCKED", "PARTLY", "OVERDUE"]
    told = words(answer)
    assert "blocked until Friday" in told
    assert "overdue nobody carried it out on its day" in told


@pytest.mark.parametrize(
    ("only", "seen"),
    [
        ("failed", ["FAILED"]),
        ("unknown", ["LOST"]),
        ("blocked", ["BLOCKED"]),
        ("overdue", ["OVERDUE"]),
        ("partially_executed", ["PARTLY"]),
        ("nonsense", ["FAILED", "LOST", "BLOCKED", "PARTLY", "OVERDUE"]),
    ],
)
def test_one_kind_of_them_can_be_looked_at_alone(boss, looked_at, only, seen):
    assert symbols(page(boss, f"/decisions/?only={only}")) == seen


@pytest.mark.parametrize("address", ["/failed/", "/decisions/", "/decisions/?only=failed"])
def test_each_trade_stands_on_one_page(boss, address):
    """Of one moment too: a strategy decides on many symbols at once."""
    for n in range(45):
        decision(symbol=f"A{n}")
    for n in range(45):
        make.order(symbol=f"B{n}", status="FAILED", detailed_status="rejected", placed_at=before(seconds=n))
        make.denial(symbol=f"C{n}", first_at=NOON)
    seen, asked = [], address
    while asked:
        answer = page(boss, asked)
        seen += symbols(answer)
        older = [link for link in content_links(answer) if "before=" in link]
        asked = address.partition("?")[0] + older[0] if older else None

    assert len(seen) == len(set(seen)) == (135 if address == "/failed/" else 45)


def statements(client, address):
    with CaptureQueriesContext(connection) as asked:
        page(client, address)
    return len(asked)


@pytest.mark.parametrize("address", ["/failed/", "/decisions/"])
def test_it_asks_no_more_of_the_database_however_much_there_is_to_show(boss, address):
    def fill(numbers):
        for n in numbers:
            decision(before(minutes=n), symbol=f"A{n}")
            decision(before(minutes=n), symbol=f"B{n}", **BLOCKED)
            make.order(symbol=f"C{n}", status="FAILED", detailed_status="rejected", placed_at=before(minutes=n))
            make.denial(symbol=f"D{n}", first_at=before(minutes=n))

    fill(range(5))
    few = statements(boss, address)
    fill(range(5, 50))

    assert few == statements(boss, address) <= 13
