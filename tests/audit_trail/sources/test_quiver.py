"""Quiver, over HTTP at a venue that speaks its protocol: pages, both row versions, limits, and what is kept of it."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from audit_trail.sources.allowance import Allowance, SourceAllowance
from audit_trail.sources.outcomes import (
    AllowanceSpent,
    NotAuthorised,
    NotInPlan,
    NotTaken,
    SourceUnavailable,
    UnusableAnswer,
)
from audit_trail.sources.quiver import feed as feeds
from audit_trail.sources.quiver.congress.feed import CONGRESS
from audit_trail.sources.quiver.congress.models import CongressTrade
from audit_trail.sources.quiver.ingesting import ingest
from audit_trail.sources.quiver.insiders.feed import INSIDERS
from audit_trail.sources.quiver.insiders.models import InsiderTrade
from audit_trail.sources.quiver.service import SOURCE, QuiverService
from audit_trail.sources.window import Window
from config.venues.exchange import Exchange
from config.venues.faults import cut_before, cut_within, gateway_page, html, rate_limited, refuse
from config.venues.quiver import QuiverVenue
from config.venues.quiver_rows import as_v1, congress_row, insider_row
from config.venues.venue import Route
from config.venues.wire import Answer
from tests.support.logins import every_cell
from tests.support.stations import Clock, notices
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db

WINDOW = Window(since=date(2026, 1, 1), until=date(2026, 3, 2))


class Quiver:
    """A venue with rows of the test's own, and our service of it; waits move the clock and are noted."""

    def __init__(self):
        self.clock = Clock()
        self.venue = QuiverVenue(Exchange(clock=self.clock), congress=[], insiders=[])
        self.waited = []

    def ingest(self, feed=CONGRESS, window=WINDOW, *, token=None, **limits):
        service = QuiverService(
            token=Secret(token or self.venue.token),
            recorder_of=lambda run: PayloadRecorder(Redaction(), run=run.run_id),
            clock=self.clock,
            base_url=self.venue.url,
            allowance=Allowance(SOURCE, **{"a_minute": 60, "a_day": 1000} | limits),
            pause=self._wait,
        )
        return ingest(feed, service, window, clock=self.clock)

    def calls(self):
        return [(one.query.get("page"), one.status) for one in self.venue.requests]

    def _wait(self, seconds):
        self.waited.append(seconds)
        self.clock.forward(seconds)


@pytest.fixture
def quiver(monkeypatch):
    # Between tries it sleeps; here nobody waits for that.
    monkeypatch.setattr("time.sleep", lambda _: None)
    quiver = Quiver()
    with quiver.venue:
        yield quiver


def counts(run):
    return run.records_created, run.records_updated, run.records_skipped, run.records_parked


# What is read.


def test_a_trade_is_kept_with_its_columns_its_run_and_the_row_as_it_came(quiver):
    quiver.venue.congress = [congress_row(Ticker="BRK.B", Transaction="Sale (Partial)", Trade_Size_USD="15001.0")]

    run = quiver.ingest()

    record, trade = SourceRecord.objects.get(), CongressTrade.objects.get()
    assert (run.status, run.data_source, counts(run)) == ("completed", "quiverquant_congress", (1, 0, 0, 0))
    assert (record.symbol, record.disclosed_on, record.known_at) == ("BRK.B", date(2026, 3, 1), quiver.clock())
    assert (trade.politician, trade.bioguide_id, trade.chamber) == ("Ada Example", "E000001", "house")
    assert (trade.transaction, trade.transaction_told, trade.amount_low_usd) == ("sale", "Sale (Partial)", 15001)
    assert trade.traded_on == date(2026, 2, 2)
    assert json.loads(record.row)["Trade_Size_USD"] == "15001.0"
    assert DataIngestionRunRecord.objects.get().operation == "created"


def test_a_row_of_v1_is_the_same_trade_and_tells_the_whole_range(quiver):
    quiver.venue.congress = [congress_row()]
    quiver.ingest()

    again = _told_as(quiver, [as_v1(congress_row())])

    assert counts(again) == (0, 1, 0, 0)
    before, after = SourceRecord.objects.order_by("version")
    assert before.key == after.key
    assert after.congress_trade.amount_high_usd == 15000


def _told_as(quiver, rows):
    """Let the bulk address tell these rows, whatever version it is asked for."""
    told = Route("GET", "/beta/bulk/congresstrading", "congress", lambda asked: Answer(body=_first_page(asked, rows)))
    quiver.venue.routes = lambda: [told]
    quiver.venue.__dict__.pop("_routes", None)
    return quiver.ingest()


def _first_page(asked, rows):
    return rows if asked.query["page"] == "1" else []


def test_only_open_market_trades_of_insiders_are_purchases_and_sales(quiver):
    """A grant is no purchase, though its shares are acquired."""
    quiver.venue.insiders = [
        insider_row(Name="A"),
        insider_row(Name="B", TransactionCode="S", AcquiredDisposedCode="D"),
        insider_row(Name="C", TransactionCode="A", PricePerShare=None),
        insider_row(Name="D", TransactionCode="F", AcquiredDisposedCode="D", PricePerShare=Decimal("0.0")),
    ]

    assert counts(quiver.ingest(INSIDERS)) == (4, 0, 0, 0)
    kinds = dict(InsiderTrade.objects.values_list("insider", "transaction"))
    assert kinds == {"A": "purchase", "B": "sale", "C": "other", "D": "other"}
    assert InsiderTrade.objects.get(insider="A").price_usd == Decimal("271.49")
    assert InsiderTrade.objects.get(insider="A").relationship == "CEO"


def test_several_lots_of_a_day_that_are_alike_are_all_kept(quiver):
    quiver.venue.insiders = [insider_row(), insider_row(), insider_row(PricePerShare=Decimal("271.5"))]

    assert counts(quiver.ingest(INSIDERS)) == (3, 0, 0, 0)
    assert counts(quiver.ingest(INSIDERS)) == (0, 0, 3, 0)
    assert sorted(SourceRecord.objects.values_list("occurrence", flat=True)) == [1, 1, 2]


def test_a_buy_and_a_sale_of_one_day_are_two_trades(quiver):
    quiver.venue.congress = [congress_row(), congress_row(Transaction="Sale (Full)")]

    assert counts(quiver.ingest()) == (2, 0, 0, 0)


def test_what_changes_from_day_to_day_makes_no_new_version_and_what_was_corrected_does(quiver):
    quiver.venue.congress = [congress_row()]
    quiver.ingest()
    first_known = quiver.clock()
    quiver.venue.congress = [congress_row(excess_return="9.75", last_modified="2026-03-02T22:00:00.000")]
    assert counts(quiver.ingest()) == (0, 0, 1, 0)
    quiver.clock.forward(3600)
    quiver.venue.congress = [congress_row(Company="Apple Computer")]

    assert counts(quiver.ingest()) == (0, 1, 0, 0)

    old, new = SourceRecord.objects.order_by("version")
    assert (old.known_at, old.superseded_at, new.known_at) == (first_known, quiver.clock(), quiver.clock())
    assert list(SourceRecord.objects.known(at=first_known)) == [old]
    assert list(SourceRecord.objects.current()) == [new]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Purchase", "purchase"),
        ("Sale", "sale"),
        ("Sale (Full)", "sale"),
        ("Sale (Partial)", "sale"),
        ("sale(partial)", "sale"),
        ("Exchange", "exchange"),
    ],
)
def test_whatever_a_sale_is_called_it_is_one(quiver, told, kept):
    quiver.venue.congress = [congress_row(Transaction=told)]

    quiver.ingest()

    assert CongressTrade.objects.get().transaction == kept


@pytest.mark.parametrize(
    ("title", "ticked", "kept"),
    [
        ("Chief Executive Officer", {}, "CEO"),
        ("President & CEO", {}, "CEO"),
        ("CHIEF FINANCIAL OFFICER", {}, "CFO"),
        ("Chief Operating Officer", {}, "COO"),
        ("EVP, General Counsel", {}, "Officer"),
        ("Chairman of the Board", {}, "Director"),
        # Without a title it is what is ticked, the highest first.
        (None, {"isDirector": True, "isOfficer": True}, "Director"),
        (None, {"isOfficer": True, "isTenPercentOwner": True}, "Officer"),
        (None, {"isTenPercentOwner": True}, "10% Owner"),
        (None, {}, "Other"),
        ("Janitor", {}, "Other"),
    ],
)
def test_b_str_9_what_an_insider_is_stands_in_the_title_however_it_is_spelt(quiver, title, ticked, kept):
    nothing_else = {"isDirector": False, "isOfficer": False, "isTenPercentOwner": False}
    quiver.venue.insiders = [insider_row(officerTitle=title, **nothing_else | ticked)]

    quiver.ingest(INSIDERS)

    assert InsiderTrade.objects.get().relationship == kept


@pytest.mark.parametrize("ticker", ["--", "N/A", "", None])
def test_what_is_listed_nowhere_has_no_symbol(quiver, ticker):
    quiver.venue.congress = [congress_row(Ticker=ticker, Description="A municipal bond")]

    quiver.ingest()

    assert SourceRecord.objects.get().symbol is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Traded": None}, "Traded"),
        ({"Transaction": "Borrowed"}, "expected Transaction as one of"),
        ({"Trade_Size_USD": "a lot"}, "expected Trade_Size_USD as dollars"),
        ({"Traded": "2026-03-02T00:00:00.000"}, "expected a trade before its disclosure"),
        ({"Filed": "2026-03-09T00:00:00.000"}, "expected a disclosure by 2026-03-03"),
    ],
)
def test_a_row_that_can_not_be_read_is_parked_whole_and_the_others_are_kept(quiver, changes, reason):
    good = [congress_row(Name=f"Senator {number}") for number in range(20)]
    quiver.venue.congress = [congress_row(**changes), *good]

    assert counts(quiver.ingest()) == (20, 0, 0, 1)
    parked = ParkedRow.objects.get()
    assert reason in parked.reason
    assert json.loads(parked.row)["Name"] == "Ada Example"


# Pages and windows.


def test_pages_are_read_until_there_is_nothing_older_to_find(quiver, monkeypatch):
    monkeypatch.setattr(feeds, "PAGE_SIZE", 10)
    quiver.venue.congress = [congress_row(Name=f"Senator {number}") for number in range(25)]

    assert counts(quiver.ingest()) == (25, 0, 0, 0)
    assert quiver.calls() == [("1", 200), ("2", 200), ("3", 200), ("4", 200)]


@pytest.mark.parametrize(
    ("feed", "known"),
    [
        (
            CONGRESS,
            "ticker representative bioguide_id date nonstock normalized version page page_size",
        ),
        (INSIDERS, "ticker date uploaded limit_codes page page_size"),
    ],
    ids=["congress", "insider"],
)
def test_b_ing_1_nothing_is_asked_that_the_contract_does_not_know(quiver, feed, known):
    window = Window(since=WINDOW.since, until=WINDOW.until, ticker="AAPL")
    quiver.ingest(feed, window)

    asked = {name for request in quiver.venue.requests for name in request.query}
    assert {"ticker", "page", "page_size"} <= asked <= set(known.split())


def test_reading_ends_at_rows_that_are_older_than_the_window(quiver, monkeypatch):
    monkeypatch.setattr(feeds, "PAGE_SIZE", 10)
    new = [congress_row(Name=f"New {number}") for number in range(5)]
    old = {"Filed": "2025-12-31T00:00:00.000", "Traded": "2025-12-01T00:00:00.000"}
    quiver.venue.congress = [*new, *(congress_row(Name=f"Old {number}", **old) for number in range(40))]

    assert counts(quiver.ingest()) == (5, 0, 0, 0)
    assert quiver.calls() == [("1", 200)]


def test_a_service_that_does_not_know_pages_is_read_once_and_nothing_twice(quiver, monkeypatch):
    monkeypatch.setattr(feeds, "PAGE_SIZE", 10)
    quiver.venue.knows_pages = False
    quiver.venue.congress = [congress_row(Name=f"Senator {number}") for number in range(25)]

    assert counts(quiver.ingest()) == (25, 0, 0, 0)
    assert quiver.calls() == [("1", 200)]


def test_rows_may_come_wrapped(quiver):
    quiver.venue.wrapped = True
    quiver.venue.congress = [congress_row()]

    assert counts(quiver.ingest()) == (1, 0, 0, 0)


def test_a_ticker_is_asked_for_and_one_that_nobody_traded_is_a_finding_of_nothing(quiver):
    quiver.venue.congress = [congress_row(), congress_row(Ticker="MSFT", Name="B")]
    window = Window(since=WINDOW.since, until=WINDOW.until, ticker="MSFT")

    run = quiver.ingest(window=window)

    assert (counts(run), run.narrowed_to) == ((1, 0, 0, 0), "ticker MSFT")
    assert quiver.venue.requests[0].query["ticker"] == "MSFT"


def test_zero_records_are_a_finding_and_told(quiver):
    run = quiver.ingest()

    assert (run.status, run.found_nothing) == ("completed", True)
    assert [kind for kind, _ in notices()] == ["nothing_ingested"]


# What goes wrong.


@pytest.mark.parametrize(
    "fault", [refuse(500), refuse(503), gateway_page(502), cut_before(), cut_within("*"), html(), rate_limited("1")]
)
def test_what_may_help_is_asked_again_and_each_try_is_on_record(quiver, fault):
    quiver.venue.congress = [congress_row()]
    quiver.venue.faults.add(fault)

    assert counts(quiver.ingest()) == (1, 0, 0, 0)
    assert len(quiver.venue.requests) == ApiCallLog.objects.count() == 3  # One failed, a page, and the empty one.


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refuse(401), NotAuthorised),
        (refuse(403), NotInPlan),
        (refuse(404), UnusableAnswer),
        (refuse(422), NotTaken),
        (refuse(500), SourceUnavailable),
        (html(), SourceUnavailable),
    ],
)
def test_a_run_that_fails_keeps_its_calls_and_its_error_and_none_of_its_records(quiver, monkeypatch, fault, error):
    monkeypatch.setattr(feeds, "PAGE_SIZE", 10)
    quiver.venue.congress = [congress_row(Name=f"Senator {number}") for number in range(25)]
    quiver.venue.faults.add(fault, times=4)

    with pytest.raises(error):
        quiver.ingest()

    run = DataIngestionRun.objects.get()
    assert (run.status, SourceRecord.objects.count(), CongressTrade.objects.count()) == ("failed", 0, 0)
    assert run.error_message
    assert ApiCallLog.objects.filter(run_id=run.run_id).count() == len(quiver.venue.requests) >= 1
    assert [kind for kind, _ in notices()] == ["ingestion_failed"]


def test_a_page_that_fails_in_the_middle_leaves_nothing_of_the_pages_before(quiver, monkeypatch):
    monkeypatch.setattr(feeds, "PAGE_SIZE", 10)
    quiver.venue.congress = [congress_row(Name=f"Senator {number}") for number in range(25)]
    real, asked = quiver.venue._bulk_congress, []

    def fails_at_the_second(asked_now):
        asked.append(asked_now)
        if asked_now.query["page"] == "2":
            quiver.venue.faults.add(refuse(403))
        return real(asked_now)

    quiver.venue._bulk_congress = fails_at_the_second
    quiver.venue.__dict__.pop("_routes", None)
    with pytest.raises(NotInPlan):
        quiver.ingest()

    assert SourceRecord.objects.count() == 0


def test_a_call_is_on_record_before_it_is_made_and_nowhere_is_the_token(quiver, caplog):
    caplog.set_level("DEBUG")
    quiver.venue.congress = [congress_row(Comments=f"an echo of {quiver.venue.token}")]

    run = quiver.ingest()

    calls = ApiCallLog.objects.filter(run_id=run.run_id)
    assert [(call.purpose, call.http_status_code) for call in calls.order_by("id")] == [
        ("congress page 1", 200),
        ("congress page 2", 200),
    ]
    assert ApiPayload.objects.count() == 4
    shown = [*every_cell(), caplog.text]
    assert [text for text in shown if quiver.venue.token in text] == []
    assert any("Ada Example" in text for text in shown)


def test_calls_are_a_second_apart_and_so_many_a_day(quiver, monkeypatch):
    monkeypatch.setattr(feeds, "PAGE_SIZE", 10)
    quiver.venue.congress = [congress_row(Name=f"Senator {number}") for number in range(25)]

    quiver.ingest()
    assert quiver.waited == [1.0, 1.0, 1.0]
    assert SourceAllowance.objects.get().calls == 4

    quiver.clock.forward(60)
    with pytest.raises(AllowanceSpent, match="as often as a day may"):
        quiver.ingest(a_day=5)
    assert len(quiver.venue.requests) == 5
    quiver.clock.at += timedelta(days=1)
    assert counts(quiver.ingest(a_day=5)) == (0, 0, 25, 0)


def test_a_rate_limit_is_waited_out_as_the_source_asks(quiver):
    quiver.venue.congress = [congress_row()]
    quiver.venue.faults.add(rate_limited("30"))

    quiver.ingest()

    assert max(quiver.waited) >= 29


def test_another_token_is_refused(quiver):
    with pytest.raises(NotAuthorised, match="Set QUIVER_API_TOKEN"):
        quiver.ingest(token="another-token-of-nobody")
