"""Reports over HTTP: the same answers as the commands', as JSON or CSV, for whoever may look at decisions."""

import csv
import io
import json

import msgspec
import pytest
from django.contrib.auth.models import Permission, User

from audit_trail.reports.asking import QUESTIONS
from audit_trail.reports.serializers import serializer_of
from tests.audit_trail.reports.rows import filled
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.commands import run
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

OF_THE_DAY = "since=2026-03-02&until=2026-03-02"
PLACES = [
    "symbols/AAPL/",
    "strategies/",
    "failures/",
    "known/?symbol=AAPL&at=2026-03-02T12:00Z",
    "days/2026-03-02/",
    "days/",
    "storage/",
]


@pytest.fixture
def reader(client):
    user = User.objects.create_user("reader")
    user.user_permissions.add(Permission.objects.get(codename="view_tradedecision"))
    client.force_login(user)
    return client


@pytest.fixture
def rows():
    filled("100.10")
    decided.decision(reason="=1+1")
    ingested.congress_trade()
    make.order(placed_at=NOON)
    make.profit_row()
    make.notice()


def told(reader, place):
    answer = reader.get(f"/api/v1/reports/{place}")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (f"symbols/aapl/?{OF_THE_DAY}", ("symbol_report", "AAPL", "--since", "2026-03-02", "--until", "2026-03-02")),
        (f"strategies/?{OF_THE_DAY}", ("strategy_performance", "--since", "2026-03-02", "--until", "2026-03-02")),
        (f"failures/?{OF_THE_DAY}", ("failure_analysis", "--since", "2026-03-02", "--until", "2026-03-02")),
        ("known/?symbol=AAPL&at=2026-03-02T12:00Z", ("known_at", "AAPL", "2026-03-02T12:00Z")),
        ("days/2026-03-02/", ("daily_summary", "2026-03-02")),
    ],
)
def test_the_api_and_the_command_tell_the_same(rows, reader, place, command):
    assert told(reader, place) == json.loads(run(*command, "--json"))


def test_a_list_is_told_as_csv_by_a_format_or_by_what_is_accepted(rows, reader):
    place = f"/api/v1/reports/symbols/AAPL/?{OF_THE_DAY}"
    by_format = reader.get(f"{place}&format=csv")
    accepted = reader.get(place, headers={"accept": "text/csv"})

    assert by_format.content == accepted.content
    assert by_format["Content-Type"].startswith("text/csv")
    found = list(csv.DictReader(io.StringIO(by_format.content.decode())))
    assert {row["reason"] for row in found} == {"", "'=1+1"}
    fills = reader.get(f"{place}&format=csv&table=hedge_fills").content.decode()
    assert fills.startswith("at,venue,fill,")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("symbols/A%20A/", "expected a stock symbol"),
        ("symbols/AAPL/?since=yesterday", "expected a day in New York"),
        ("symbols/AAPL/?since=2026-03-02&until=2026-03-01", "ends after it begins"),
        ("symbols/AAPL/?limit=0", "expected a whole number from 1 to 10000"),
        ("symbols/AAPL/?limit=٣", "expected a whole number from 1 to 10000"),
        ("strategies/?strategy=a%00b", "strategy: expected a name"),
        (f"failures/?strategy={'x' * 65}", "strategy: expected a name"),
        ("known/?symbol=AAPL", "expected at, was without"),
        ("known/", "expected symbol and at, was without"),
        ("days/monday/", "expected a day, as 2026-03-02"),
        ("symbols/AAPL/?format=csv&table=secrets", "expected one of the tables decisions_made"),
        ("days/monday/?format=csv", "expected a day, as 2026-03-02"),
    ],
)
def test_the_api_says_what_it_expected(reader, place, said):
    answer = reader.get(f"/api/v1/reports/{place}")
    assert (answer.status_code, said in answer.content.decode()) == (400, True)


def test_a_trade_is_told_from_run_to_fill_with_each_digit(reader):
    decision = filled(decision_rationale='{"price":1.10000000000000000001}')

    answer = reader.get(f"/api/v1/reports/trades/{decision.decision_id}/")

    assert b'"price":1.10000000000000000001' in answer.content
    assert answer.json()["executions"][0]["average_price_usd"] == "100"
    for name in ("nothing", "a%00b"):
        assert reader.get(f"/api/v1/reports/trades/{name}/").status_code == 404


@pytest.mark.parametrize("place", [*PLACES, "trades/x/"])
def test_who_may_not_look_at_decisions_reads_no_report(client, place):
    assert client.get(f"/api/v1/reports/{place}").status_code == 401
    client.force_login(User.objects.create_user("other"))
    assert client.get(f"/api/v1/reports/{place}").status_code == 403


@pytest.mark.parametrize("place", PLACES)
def test_a_report_of_nothing_is_a_report(reader, place):
    assert told(reader, place)
    assert reader.get(f"/api/v1/reports/{place}{'&' if '?' in place else '?'}format=csv").status_code == 200


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_schema_of_a_report_names_what_is_in_its_json(rows, name):
    words = {"symbol": "AAPL", "at": "2026-03-02T12:00Z", "since": "2026-03-02", "day": "2026-03-02"}
    report = QUESTIONS[name].ask(words, now=NOON.replace(hour=20))
    serializer = serializer_of(QUESTIONS[name].told)

    assert list(serializer().fields) == list(report.__struct_fields__)
    # By which the same values are written as they are told.
    written = serializer(instance=msgspec.to_builtins(report)).data
    assert set(written) == set(msgspec.to_builtins(report))
