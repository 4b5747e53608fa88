"""Records of Quiver's and bars of Alpaca's, whatever is in them: records in a database, or parked, or an error."""

import itertools
import json
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from audit_trail.ingestion.batches import TooManyUnreadable, Unreadable
from audit_trail.ingestion.models import DataIngestionRun, ParkedRow, RunStatus
from audit_trail.ingestion.records import SourceRecord
from audit_trail.ingestion.storing import store
from audit_trail.sources.alpaca import rows as bars
from audit_trail.sources.alpaca import service as alpaca
from audit_trail.sources.alpaca.ingesting import _batch
from audit_trail.sources.outcomes import SourceError
from audit_trail.sources.quiver import service as quiver
from audit_trail.sources.quiver.congress.feed import CONGRESS
from audit_trail.sources.quiver.insiders.feed import INSIDERS
from audit_trail.sources.window import Window
from config.venues.alpaca_bars import bar_json
from config.venues.quiver_rows import as_v1, congress_row, insider_row
from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import HEADERS, STATUSES, bodies, changed
from trading.brokers.http import Answer
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown
from trading.values.secret import Secret

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = Window(since=date(2026, 1, 1), until=date(2026, 3, 2))
FRIDAY = date(2026, 2, 27)


def plain(row):
    """The row with numbers that json writes."""
    return json.loads(json.dumps(row, default=float))


CONGRESS_ROWS = [plain(each) for row in (congress_row(), congress_row(Ticker=None, Description="A bond"))
                 for each in (row, as_v1(row))]  # fmt: skip
INSIDER_ROWS = [plain(insider_row()), plain(insider_row(TransactionCode="A", PricePerShare=0, officerTitle=None))]
BAR = plain(bar_json(FRIDAY, low="180.5", high="190", opened="181", close="189.25"))
PAGE = {"bars": {"AAPL": [BAR], "BRK.B": [BAR]}, "next_page_token": None}


class Calls:
    """The calls of a run, which get the answers of an example, each as its adapter takes it."""

    def __init__(self, refuse, answers):
        self.refuse, self.answers = refuse, iter(answers)

    def get(self, path, params, *, purpose):
        answer = next(self.answers)
        try:
            self.refuse(answer, f"GET {path}")
        except (BrokerUnavailable, OutcomeUnknown) as error:
            raise SourceError(str(error)) from error
        return answer

    def rows(self, path, params, *, purpose):
        answer = self.get(path, params, purpose=purpose)
        return None if answer.status == 404 else quiver._rows_of(answer, path)


@st.composite
def answers(draw, sample, last):
    """A page or two, and then the last one, over and over."""
    told = []
    for _ in range(draw(st.integers(1, 2))):
        status = draw(st.sampled_from((200, 200, 200, *STATUSES)))
        headers = draw(st.dictionaries(st.just("retry-after"), st.sampled_from(HEADERS), max_size=1))
        body = draw(bodies([sample]))
        told.append(Answer(status=status, headers=tuple(headers.items()), body=body, asked_at=AT, received_at=AT))
    end = Answer(status=200, headers=(), body=last, asked_at=AT, received_at=AT)
    return itertools.chain(told, itertools.repeat(end))


@fuzzed(300)
@given(text=changed(CONGRESS_ROWS) | changed(INSIDER_ROWS), feed=st.sampled_from((CONGRESS, INSIDERS)))
def test_whatever_is_in_a_row_of_quivers_it_is_read_or_unreadable(text, feed):
    ends_well(lambda: feed.kind.mark_of(text))
    ends_well(lambda: hashes_of(feed.read(text)), Unreadable)


@fuzzed(200)
@given(text=changed([{"symbol": "AAPL", "bar": BAR}]))
def test_whatever_is_in_a_bar_it_is_read_or_unreadable(text):
    ends_well(lambda: hashes_of(bars.read(text, feed="iex")), Unreadable)


@pytest.mark.django_db
@fuzzed(120)
@given(data=st.data(), feed=st.sampled_from((CONGRESS, INSIDERS)))
def test_whatever_quiver_answers_is_kept_in_a_database_or_an_error_of_the_sources(data, feed):
    sample = CONGRESS_ROWS if feed is CONGRESS else INSIDER_ROWS
    calls = Calls(quiver._refuse, data.draw(answers(sample, b"[]")))

    kept(lambda: feed.batch(calls, WINDOW, now=AT))


@pytest.mark.django_db
@fuzzed(120)
@given(data=st.data())
def test_whatever_bars_alpaca_answers_are_kept_in_a_database_or_an_error_of_the_sources(data):
    service = alpaca.AlpacaBars(
        key=Secret("key"), secret=Secret("secret"), base_url="http://fuzzed", feed="iex",
        recorder_of=lambda run: None, clock=lambda: AT,
    )  # fmt: skip
    calls = Calls(alpaca._refuse, data.draw(answers(PAGE, b'{"bars":{},"next_page_token":null}')))

    kept(lambda: _batch(service, calls, ["AAPL", "BRK.B"], WINDOW, finished=FRIDAY))


def hashes_of(row):
    return row, row.key_hash, row.content_hash


def kept(read):
    """Store what is read as a run does, see that each row is there, and forget it."""
    batch = ends_well(read, SourceError)
    if batch is None:
        return
    with transaction.atomic():
        run = DataIngestionRun.objects.create(
            task_name="fuzzing", data_source="fuzzed", status=RunStatus.RUNNING, started_at=AT, alive_until=AT
        )
        with suppress(TooManyUnreadable):
            batch.refuse_if_changed()
        store(run, batch, at=AT)
        assert SourceRecord.objects.count() == len(batch.read)
        # A row that is told twice, or that an array holds twice, is parked once and counted.
        assert sum(ParkedRow.objects.values_list("times", flat=True)) == len(batch.bad)
        transaction.set_rollback(True)
