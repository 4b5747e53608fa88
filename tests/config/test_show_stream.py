"""`show_stream`: what an operator is shown of a stream, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from eventstore.models import StoredEvent
from eventstore.store import Draft, Metadata, append
from tests.eventstore.tampering import as_the_owner
from trading.position.events import Initialized, OnChainOrderFilled
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.thresholds import threshold

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 11, 3, 12, tzinfo=UTC)
CAUSE = Metadata(actor="tests", correlation="a test")


@pytest.fixture(autouse=True)
def _position():
    fills = [("BUY", "1.25"), ("SELL", "0.5")]
    append([Draft("Position", "AAPL", 1, Initialized(threshold=threshold("1 share")), CAUSE)], at=NOON)
    for version, (side, amount) in enumerate(fills, start=2):
        filled = OnChainOrderFilled(
            trade=TradeId(f"0x{version:064x}", 7),
            side=Side(side),
            amount=Decimal(amount),
            price_usdc=Decimal("200.10"),
            block_number=version,
            block_timestamp=NOON,
        )
        append([Draft("Position", "AAPL", version, filled, CAUSE)], at=NOON + timedelta(minutes=version))


def shown(*options, out=None):
    out = out or StringIO()
    call_command("show_stream", "Position", "AAPL", *options, stdout=out)
    return out.getvalue()


def test_the_state_and_the_events_before_it_are_shown_as_lines():
    lines = shown().splitlines()

    assert lines[0] == "Position-AAPL at version 3, recorded at 2025-11-03T12:03:00.000000Z"
    assert "net\t0.75" in lines
    assert lines[-1].split("\t")[:4] == ["3", "2025-11-03T12:03:00.000000Z", "OnChainOrderFilled", "tests"]
    assert "net: 1.25 → 0.75" in lines[-1]


@pytest.mark.parametrize(
    ("options", "version", "net"),
    [
        ([], 3, "0.75"),
        (["--version", "2"], 2, "1.25"),
        (["--at", "2025-11-03T12:02:00Z"], 2, "1.25"),
        (["--at", "2025-11-03T07:01:59-05:00"], 1, "0"),
    ],
)
def test_json_tells_the_state_as_it_was(options, version, net):
    told = json.loads(shown("--json", *options))

    assert (told["version"], told["state"]["net"], len(told["events"])) == (version, net, version)
    assert told["events"][-1]["state"] == told["state"]


def test_as_many_events_are_shown_as_are_asked_for():
    assert [e["version"] for e in json.loads(shown("--json", "--events", "2"))["events"]] == [2, 3]
    assert json.loads(shown("--json", "--events", "0"))["events"] == []


def test_a_terminal_shows_tables():
    class Terminal(StringIO):
        def isatty(self):
            return True

    seen = shown(out=Terminal())

    assert "State" in seen
    assert "Events" in seen
    assert "│ net" in seen.replace("\x1b[1m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Purse", "AAPL"], "expected a type of aggregates"),
        (["Position", "TSLA"], "Position-TSLA has no events"),
        (["Position", "AAPL", "--version", "4"], "Position-AAPL has versions from 1 to 3, not 4"),
        (["Position", "AAPL", "--at", "2025-11-03T12:00:00"], "--at: expected a time with its zone"),
        (["Position", "AAPL", "--events", "-1"], "--events: expected a whole number from 0, was -1"),
    ],
)
def test_what_is_not_there_is_refused(arguments, message):
    with pytest.raises(CommandError, match=message) as refused:
        call_command("show_stream", *arguments)

    assert refused.value.returncode == 2


def test_what_cant_be_replayed_is_an_error_of_its_own():
    with as_the_owner():
        StoredEvent.objects.filter(version=2).update(schema=9)

    with pytest.raises(CommandError, match="Position-AAPL can't be replayed from version 2 on") as refused:
        shown()
    assert refused.value.returncode == 1
