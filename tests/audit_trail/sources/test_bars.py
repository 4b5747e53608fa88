"""Daily bars, over HTTP at a venue that speaks Alpaca's protocol: pages, batches, limits, and what is kept of it."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.models import ApiCallLog
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from audit_trail.sources.allowance import Allowance
from audit_trail.sources.alpaca import service as services
from audit_trail.sources.alpaca.ingesting import ingest, last_finished_day
from audit_trail.sources.alpaca.models import HistoricalBar
from audit_trail.sources.alpaca.service import AlpacaBars
from audit_trail.sources.outcomes import NotAuthorised, NotInPlan, NotTaken, UnusableAnswer
from audit_trail.sources.window import Window
from config.venues.alpaca import AlpacaVenue
from config.venues.alpaca_bars import bar_json
from config.venues.exchange import Exchange
from config.venues.faults import cut_within, gateway_page, html, rate_limited, refuse
from tests.support.logins import every_cell
from tests.support.stations import Clock, notices
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db

# The clock stands at noon of Monday, in UTC, before the session.
WINDOW = Window(since=date(2026, 1, 16), until=date(2026, 3, 2))
FRIDAY = date(2026, 2, 27)


class Bars:
    """A venue whose bars a test may set, and our service of it; waits move the clock and are noted."""

    def __init__(self):
        self.clock = Clock()
        self.venue = AlpacaVenue(Exchange(clock=self.clock))
        self.waited = []

    def ingest(self, *symbols, window=WINDOW, secret=None, feed="iex", **limits):
        service = AlpacaBars(
            key=Secret(self.venue.key),
            secret=Secret(secret or self.venue.secret),
            base_url=self.venue.url,
            feed=feed,
            recorder_of=lambda run: PayloadRecorder(Redaction(), run=run.run_id),
            clock=self.clock,
            allowance=Allowance("alpaca_data", **{"a_minute": 1000, "a_day": 1000} | limits),
            pause=self._wait,
        )
        return ingest(service, symbols or ("AAPL",), window, clock=self.clock)

    def asked(self):
        return [one.query for one in self.venue.requests]

    def tell(self, symbol, *bars):
        self.venue.bars.told[symbol] = [bar_json(FRIDAY, **{**BAR, **bar}) for bar in bars]

    def _wait(self, seconds):
        self.waited.append(seconds)
        self.clock.forward(seconds)


BAR = {"low": "118.9", "high": "121.4", "opened": "119.25", "close": "120.0123456789"}


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    bars = Bars()
    with bars.venue:
        yield bars


def test_each_session_of_each_symbol_becomes_a_bar_that_is_known_from_now_on(bars):
    run = bars.ingest("AAPL", "BRK.B")

    rows = HistoricalBar.objects.filter(symbol="BRK.B").order_by("day")
    # Six weeks with two holidays, up to Friday: Monday's session has not begun.
    assert (rows.first().day, rows.last().day, len(rows)) == (date(2026, 1, 16), FRIDAY, 29)
    assert (run.records_created, run.records_skipped, run.status) == (58, 0, "completed")
    assert rows.last().close_usd == bars.venue.exchange.book.price("BRK.B")
    assert all(row.low_usd <= min(row.open_usd, row.close_usd) for row in rows)
    assert {row.record.known_at for row in rows} == {run.completed_at}
    assert rows.last().began_at == datetime(2026, 2, 27, 5, tzinfo=UTC)


def test_a_bar_keeps_every_digit_that_was_told_and_the_row_as_it_was_received(bars):
    bars.tell("AAPL", {})

    bars.ingest()

    row = HistoricalBar.objects.get()
    assert (row.open_usd, row.close_usd) == (Decimal("119.25"), Decimal("120.0123456789"))
    assert json.loads(row.record.row)["symbol"] == "AAPL"
    assert '"c":120.0123456789' in row.record.row


def test_all_pages_of_all_symbols_are_read(bars, monkeypatch):
    """B-str-4: with many symbols a page ended in the middle, and nobody asked for the next."""
    monkeypatch.setattr(services, "ROWS_A_PAGE", 20)
    monkeypatch.setattr(services, "SYMBOLS_AT_ONCE", 2)

    run = bars.ingest("AAPL", "MSFT", "TSLA")

    assert run.records_created == 3 * 29
    assert [query["symbols"] for query in bars.asked()] == ["AAPL,MSFT"] * 3 + ["TSLA"] * 2
    assert [("page_token" in query) for query in bars.asked()] == [False, True, True, False, True]


def test_what_is_asked_for_is_daily_adjusted_for_splits_and_of_the_feed(bars):
    bars.ingest(feed="sip")

    (query,) = bars.asked()
    assert query == {
        "symbols": "AAPL",
        "timeframe": "1Day",
        "start": "2026-01-16",
        "end": "2026-02-27T23:59:59Z",
        "adjustment": "split",
        "feed": "sip",
        "limit": "10000",
    }
    assert set(HistoricalBar.objects.values_list("feed", flat=True)) == {"sip"}


def test_to_fetch_again_adds_nothing(bars):
    bars.ingest()

    again = bars.ingest()

    assert (again.records_created, again.records_updated, again.records_skipped) == (0, 0, 29)
    assert HistoricalBar.objects.count() == 29


def test_a_bar_that_is_told_otherwise_is_a_new_version_and_the_former_stays(bars):
    """After a split the source tells former sessions anew; what was decided on the old ones is still there."""
    bars.tell("AAPL", {})
    bars.ingest()
    before = bars.clock()

    bars.clock.forward(60)
    bars.tell("AAPL", {"low": "59.45", "high": "60.7", "opened": "59.625", "close": "60"})
    run = bars.ingest()

    assert (run.records_created, run.records_updated) == (0, 1)
    known = SourceRecord.objects.known(at=before)
    assert [row.close_usd for row in HistoricalBar.objects.filter(record__in=known)] == [Decimal("120.0123456789")]
    assert [row.record.version for row in HistoricalBar.objects.order_by("pk")] == [1, 2]


def test_a_session_that_has_not_ended_has_no_bar_yet(bars):
    bars.venue.bars.told["AAPL"] = [bar_json(day, **BAR) for day in (FRIDAY, date(2026, 3, 2))]

    bars.ingest()

    assert [row.day for row in HistoricalBar.objects.all()] == [FRIDAY]


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 2, 12, tzinfo=UTC), FRIDAY),
        (datetime(2026, 3, 2, 21, 19, tzinfo=UTC), FRIDAY),
        (datetime(2026, 3, 2, 21, 20, tzinfo=UTC), date(2026, 3, 2)),
        # The day after Thanksgiving ends at one; in summer sessions end an hour earlier by UTC.
        (datetime(2026, 11, 27, 18, 20, tzinfo=UTC), date(2026, 11, 27)),
        (datetime(2026, 7, 7, 20, 20, tzinfo=UTC), date(2026, 7, 7)),
        (datetime(2026, 7, 4, 23, tzinfo=UTC), date(2026, 7, 2)),
        # It is Tuesday by UTC and still Monday in New York.
        (datetime(2026, 3, 3, 1, tzinfo=UTC), date(2026, 3, 2)),
    ],
)
def test_a_session_is_finished_a_while_after_its_close(now, day):
    assert last_finished_day(now) == day


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"low": "0"}, "expected prices above 0"),
        ({"close": "121.5"}, "expected close_usd between the low 118.9 and the high 121.4, was 121.5"),
        ({"opened": "118"}, "expected open_usd between"),
        ({"high": "118"}, "expected open_usd between"),
        ({"volume": -1}, "expected v as a whole number from 0"),
    ],
)
def test_a_bar_that_can_not_be_is_parked_with_its_reason(bars, wrong, reason):
    bars.tell("AAPL", wrong)

    run = bars.ingest("AAPL", "MSFT")

    assert (run.records_parked, run.records_created) == (1, 29)
    assert reason in ParkedRow.objects.get().reason
    assert ("rows_parked", "bars") in notices()


@pytest.mark.parametrize("t", [None, "yesterday", "2026-02-27", "2026-02-27T05:00:00"])
def test_a_bar_without_its_time_is_parked(bars, t):
    bars.tell("AAPL", {})
    bars.venue.bars.told["AAPL"][0]["t"] = t

    bars.ingest("AAPL", "MSFT")

    assert "expected t as a time with a zone" in ParkedRow.objects.get().reason


SATURDAY = date(2026, 2, 21)


def test_a_bar_of_a_day_without_a_session_is_parked(bars):
    bars.venue.bars.told["AAPL"] = [bar_json(SATURDAY, **BAR), bar_json(FRIDAY, **BAR)]

    bars.ingest()

    assert [row.day for row in HistoricalBar.objects.all()] == [FRIDAY]
    assert "there is none on 2026-02-21" in ParkedRow.objects.get().reason


def test_a_bar_of_a_symbol_that_was_not_asked_for_is_parked(bars, monkeypatch):
    told = bars.venue.bars._between
    monkeypatch.setattr(bars.venue.bars, "_between", lambda *asked: [*told(*asked), ("ZZZ", bar_json(FRIDAY, **BAR))])

    bars.ingest()

    assert set(HistoricalBar.objects.values_list("symbol", flat=True)) == {"AAPL"}
    assert "was of ZZZ" in ParkedRow.objects.get().reason


def test_a_session_that_is_told_twice_has_one_bar(bars):
    bars.tell("AAPL", {}, {})

    run = bars.ingest()

    assert (run.records_created, run.records_parked) == (1, 0)


def test_of_two_bars_of_a_session_that_differ_the_second_is_parked(bars):
    bars.tell("AAPL", {}, {"close": "120.5"})

    run = bars.ingest()

    assert (run.records_created, run.records_parked) == (1, 1)
    assert "another that differs" in ParkedRow.objects.get().reason


def test_what_was_told_of_former_sessions_stays_when_the_price_moves(bars):
    bars.ingest()
    bars.venue.exchange.book.instruments["AAPL"].price_usd = Decimal(150)

    assert bars.ingest().records_skipped == 29


def test_a_symbol_that_nobody_knows_is_left_out_and_keeps_nobody_else_out(bars):
    run = bars.ingest("NOSUCH", "AAPL")

    assert run.records_created == 29
    assert set(HistoricalBar.objects.values_list("symbol", flat=True)) == {"AAPL"}


def test_nothing_at_all_is_a_finding(bars):
    bars.ingest("NOSUCH")

    assert ("nothing_ingested", "bars") in notices()


@pytest.mark.parametrize(
    "fault", [rate_limited("7"), refuse(500), gateway_page(503), cut_within("bars"), html()], ids=str
)
def test_what_may_help_is_asked_again_and_each_try_is_on_record(bars, fault):
    bars.venue.faults.add(fault)

    run = bars.ingest()

    assert run.records_created == 29
    assert len(bars.venue.requests) == 2 == ApiCallLog.objects.filter(run_id=run.run_id, source="alpaca").count()
    assert (7 in [round(seconds) for seconds in bars.waited]) == (fault.status == 429)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(refuse(403), NotInPlan), (refuse(400), NotTaken), (refuse(422), NotTaken), (refuse(404), UnusableAnswer)],
)
def test_what_can_not_help_fails_the_run_and_stores_nothing(bars, fault, error):
    bars.venue.faults.add(fault)

    with pytest.raises(error):
        bars.ingest()

    run = DataIngestionRun.objects.get()
    assert run.status == "failed"
    assert not HistoricalBar.objects.exists()
    assert ("ingestion_failed", "bars") in notices()


def test_wrong_keys_are_told_without_being_shown(bars):
    with pytest.raises(NotAuthorised, match="ALPACA_API_KEY") as told:
        bars.ingest(secret="not-the-secret-of-it")

    shown = [str(told.value), *every_cell()]
    assert [text for text in shown if "not-the-secret" in text or bars.venue.key in text] == []


def test_the_days_calls_are_an_allowance_and_they_go_evenly(bars, monkeypatch):
    monkeypatch.setattr(services, "SYMBOLS_AT_ONCE", 1)

    bars.ingest("AAPL", "MSFT", "TSLA", a_minute=60)

    assert [round(seconds, 3) for seconds in bars.waited] == [1.0, 1.0]


def test_a_page_that_leads_to_itself_ends_the_run(bars, monkeypatch):
    monkeypatch.setattr(services, "ROWS_A_PAGE", 1)
    monkeypatch.setattr(bars.venue.bars, "_place", lambda rows, token: 0)

    with pytest.raises(UnusableAnswer, match="sent to the same one again"):
        bars.ingest()


def test_what_the_run_did_with_each_bar_is_on_record(bars):
    run = bars.ingest(window=Window(since=FRIDAY - timedelta(days=1), until=FRIDAY))

    done = DataIngestionRunRecord.objects.filter(run=run)
    assert sorted(row.operation for row in done) == ["created", "created"]
