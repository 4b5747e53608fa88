"""The processor: every log leaves the line as a fill, filtered or parked, or waits by itself."""

import json
from decimal import Decimal

import msgspec
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from eventstore.store import WrongExpectedVersion
from tests.support.books import books
from tests.support.chains import node_at
from tests.support.made_chain import STRANGER, MadeChain, clear, know_tokens, log_of, take, token, tx_hash
from tests.support.replay_node import Refusal, replaying
from tests.support.stations import MODES, Stations, notices
from trading.chain.node import AccessRefused, NodeUnavailable
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.processor import TRIES_BEFORE_PARKING
from trading.conductor.watcher import queue
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def stations():
    know_tokens("tAAPL", "AAPL0x", "tMSFT", "WETH")
    return Stations()


def outcome_of(log) -> tuple[str, str | None]:
    row = QueuedLog.objects.get(tx_hash=log.tx_hash, log_index=log.log_index)
    return row.outcome, row.reason


# What a log turns out to be.


@pytest.mark.parametrize("generation", [4, 5])
@pytest.mark.parametrize(("side", "net"), [("SELL", "-0.5"), ("BUY", "0.5")])
def test_a_take_moves_the_position_to_its_side(stations, side, net, generation):
    stations.fill(log_of(take(side, "0.5", "tAAPL", usdc="100", generation=generation), block=100))

    assert stations.net("AAPL") == Decimal(net)
    (trade,) = books(stations.ledger).trades.values()
    assert (trade.fill.side, trade.fill.usdc, trade.fill.price_usdc) == (side, 100, 200)


@pytest.mark.parametrize("generation", [4, 5])
@pytest.mark.parametrize(("side", "net"), [("SELL", "-0.5"), ("BUY", "0.5")])
def test_a_clear_takes_its_amounts_from_the_log_beside_it(stations, side, net, generation):
    first, after = clear(side, "0.5", "tAAPL", generation=generation)

    stations.fill(log_of(first, block=100, index=0, tx="t"), log_of(after, block=100, index=1, tx="t"))

    assert stations.net("AAPL") == Decimal(net)
    assert QueuedLog.objects.count() == 1


@pytest.mark.parametrize(
    ("emission", "reason"),
    [
        (take("SELL", "1", "tAAPL", owner=STRANGER), "not ours"),
        (clear("SELL", "1", "tAAPL", owner=STRANGER)[0], "not ours"),
        (take("SELL", "0", "tAAPL"), "zero shares"),
    ],
)
def test_what_moves_nothing_of_ours_is_filtered_with_its_reason(stations, emission, reason):
    log = log_of(emission, block=100)

    stations.fill(log)

    assert outcome_of(log) == (Outcome.FILTERED, reason)
    assert stations.positions() == {}
    assert notices() == []


def test_shares_without_dollars_are_a_fill_without_a_price(stations):
    stations.fill(log_of(take("SELL", "1.5", "tAAPL", usdc="0"), block=100))

    (trade,) = books(stations.ledger).trades.values()
    assert trade.fill.price_usdc is None
    assert stations.net("AAPL") == Decimal("-1.5")
    stations.hedge()
    assert stations.hedges() == ["BUY 1 AAPL"]
    assert stations.only_order().average_price_usd is None


@pytest.mark.parametrize(
    ("emission", "reason"),
    [
        pytest.param(take("SELL", "1", "tAAPL", against="WETH"), "InvalidPair", id="against no dollars"),
        pytest.param(take("SELL", "1", "WETH"), "InvalidPair", id="no tokenised equity"),
        pytest.param(take("SELL", "1", "USDC"), "InvalidPair", id="dollars for dollars"),
        pytest.param(take("SELL", "-1", "tAAPL"), "NegativeAmount", id="less than nothing"),
        pytest.param(take("SELL", "1", "tAAPL")._replace(data=b"\x00" * 31), "Undecodable", id="cut off"),
        pytest.param(take("SELL", "1", "tAAPL")._replace(data=b""), "Undecodable", id="empty"),
    ],
)
def test_what_cannot_be_a_fill_is_parked_and_told_and_the_next_logs_go_on(stations, emission, reason):
    poison, next_one = log_of(emission, block=100), log_of(take("SELL", "0.5", "tMSFT"), block=101)

    stations.fill(poison, next_one)

    outcome, told = outcome_of(poison)
    assert outcome == Outcome.PARKED
    assert told.startswith(reason)
    assert notices() == [("parked_log", f"{poison.tx_hash}:0")]
    assert f"process_tx {poison.tx_hash}" in Notice.objects.get().text
    assert outcome_of(next_one) == (Outcome.FILL, None)
    assert set(stations.positions()) == {"MSFT"}


@pytest.mark.parametrize(
    "event_data",
    [
        "garbage",
        "{}",
        "[]",
        '{"TakeOrderV3": 7}',
        '{"Unheard": {"address": "0x", "topic": "0x", "data": "0x"}}',
        json.dumps({"TakeOrderV3": {"address": "0x", "topic": take("SELL", "1", "tAAPL").topic, "data": "0xzz"}}),
        json.dumps({"ClearV3": {"address": "0x", "topic": take("SELL", "1", "tAAPL").topic, "data": "0x"}}),
        "\\",
        "null",
    ],
)
def test_a_row_that_holds_no_log_is_parked(stations, event_data):
    log, next_one = log_of(take("SELL", "1", "tAAPL"), block=100), log_of(take("SELL", "0.5", "tMSFT"), block=101)
    queue([log, next_one], now=stations.clock())
    QueuedLog.objects.filter(tx_hash=log.tx_hash).update(event_data=event_data)

    stations.process()

    outcome, told = outcome_of(log)
    assert outcome == Outcome.PARKED
    assert told.startswith("UnreadableRow: expected")
    assert notices() == [("parked_log", f"{log.tx_hash}:0")]
    assert set(stations.positions()) == {"MSFT"}


def test_a_row_without_a_block_is_parked(stations):
    log = log_of(take("SELL", "1", "tAAPL"), block=100)
    queue([log], now=stations.clock())
    QueuedLog.objects.update(block_hash=None, block_timestamp=None)

    stations.process()

    assert outcome_of(log)[0] == Outcome.PARKED
    assert stations.positions() == {}


# Twice the same.


@pytest.mark.parametrize("mode", MODES)
def test_the_same_log_twice_is_one_fill(mode):
    know_tokens("tMSFT")
    stations, log = Stations(mode=mode), log_of(take("SELL", "1.5", "tMSFT"), block=100)

    stations.fill(log, log)
    before = books(stations.ledger)
    stations.fill(log)
    QueuedLog.objects.update(processed=False, outcome="")  # A row that was marked, and is not any more.
    stations.process()

    assert books(stations.ledger) == before
    assert outcome_of(log) == (Outcome.FILL, "known already")


def test_another_fill_under_a_known_name_is_parked_and_told(stations):
    first = log_of(take("SELL", "1.5", "tMSFT"), block=100)
    stations.fill(first)
    QueuedLog.objects.all().delete()

    stations.fill(log_of(take("SELL", "2.5", "tMSFT"), block=100))

    outcome, reason = outcome_of(first)
    assert outcome == Outcome.PARKED
    assert "which is another" in reason
    assert stations.net("MSFT") == Decimal("-1.5")
    assert notices() == [("parked_log", f"{first.tx_hash}:0")]


def test_one_transaction_may_hold_many_fills(stations):
    logs = [log_of(take("SELL", "0.25", "tAAPL"), block=100, index=index, tx="t") for index in range(3)]

    stations.fill(*logs)

    assert stations.net("AAPL") == Decimal("-0.75")


# In chain order.


def test_logs_are_processed_in_chain_order(stations):
    places = [(100, 5), (99, 3), (100, 1), (101, 2), (99, 8)]
    queue([log_of(take("SELL", "0.1", "tAAPL"), block=b, index=i) for b, i in places], now=stations.clock())
    stations.processor._batch = 1
    seen = []

    while stations.processor.run_once(now=stations.clock()):
        processed = QueuedLog.objects.filter(processed=True).values_list("block_number", "log_index")
        seen += [place for place in processed if place not in seen]

    assert seen == [(99, 3), (99, 8), (100, 1), (100, 5), (101, 2)]


def test_after_a_restart_what_was_left_is_processed_once(stations):
    logs = [log_of(take("SELL", "0.1", "tAAPL"), block=100 + place) for place in range(5)]
    queue(logs, now=stations.clock())
    stations.processor._batch = 2
    stations.processor.run_once(now=stations.clock())

    restarted = Stations()
    assert QueuedLog.objects.filter(processed=False).count() == 3
    restarted.process()
    assert QueuedLog.objects.filter(processed=False).count() == 0
    queue(logs, now=restarted.clock())
    assert QueuedLog.objects.filter(processed=False).count() == 0
    assert restarted.net("AAPL") == Decimal("-0.5")


def test_the_last_price_is_the_newest_on_chain_however_late_an_older_fill_comes(stations):
    stations.fill(log_of(take("SELL", "0.1", "tAAPL", usdc="30"), block=105))

    stations.fill(log_of(take("SELL", "0.1", "tAAPL", usdc="10"), block=100))

    assert stations.position("AAPL").last_price.price_usdc == 300
    assert stations.position("AAPL").last_price.block_number == 105


# One log's trouble is no other's.


def test_of_a_batch_only_the_log_at_fault_waits(stations, monkeypatch):
    logs = [log_of(take("SELL", "0.5", name), block=100 + n) for n, name in enumerate(["tAAPL", "tMSFT", "AAPL0x"])]
    monkeypatch.setattr("trading.conductor.processor.absorb", failing_for(logs[1], ValueError("not this one")))

    queue(logs, now=stations.clock())
    stations.process()

    assert [outcome_of(log)[0] for log in logs] == [Outcome.FILL, Outcome.QUEUED, Outcome.FILL]
    assert stations.net("AAPL") == Decimal("-1.0")
    waiting = QueuedLog.objects.get(processed=False)
    assert (waiting.tries, waiting.reason) == (1, "ValueError: not this one")


def test_a_log_that_fails_again_and_again_is_parked_with_a_notice(stations, monkeypatch):
    log = log_of(take("SELL", "0.5", "tAAPL"), block=100)
    monkeypatch.setattr("trading.conductor.processor.absorb", failing_for(log, ValueError("never")))
    queue([log], now=stations.clock())
    waits = []

    for _ in range(TRIES_BEFORE_PARKING):
        stations.process()
        row = QueuedLog.objects.get()
        if row.not_before is not None and not row.processed:
            waits.append((row.not_before - stations.clock()).total_seconds())
            stations.clock.at = row.not_before

    assert waits == [1, 2, 4, 8, 16, 32, 60]
    assert outcome_of(log) == (Outcome.PARKED, f"failed {TRIES_BEFORE_PARKING} times, at last with ValueError: never")
    assert notices() == [("parked_log", f"{log.tx_hash}:0")]


@pytest.mark.parametrize("error", [OperationalError("locked"), InterfaceError("gone"), WrongExpectedVersion("s", 1, 2)])
def test_a_database_that_fails_is_no_logs_fault(stations, monkeypatch, error):
    logs = [log_of(take("SELL", "0.5", "tAAPL"), block=100 + number) for number in range(3)]
    queue(logs, now=stations.clock())

    with monkeypatch.context() as patched:
        patched.setattr("trading.conductor.processor.absorb", failing_for(logs[1], error))
        for _ in range(TRIES_BEFORE_PARKING + 1):
            with pytest.raises(type(error)):
                stations.processor.run_once(now=stations.clock())
    assert QueuedLog.objects.filter(processed=False, tries=0).count() == 3
    assert books(stations.ledger).trades == {}

    stations.process()
    assert stations.net("AAPL") == Decimal("-1.5")


def test_only_a_log_that_is_there_already_is_left_out_when_logs_are_queued(stations):
    """Whatever else the database refuses is an error, and never taken for a duplicate."""
    log = log_of(take("SELL", "0.5", "tAAPL"), block=100)
    queue([log, log], now=stations.clock())
    assert QueuedLog.objects.count() == 1
    for change in ({"tx_hash": "0x12"}, {"block_number": -1}, {"log_index": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            queue([log, msgspec.structs.replace(log, **change)], now=stations.clock())
    assert QueuedLog.objects.count() == 1


def failing_for(log, error):
    from trading.conductor.processor import absorb

    def fail(step, row, fill):
        if row.tx_hash == log.tx_hash:
            raise error
        return absorb(step, row, fill)

    return fail


# What the node is asked for.


@pytest.fixture
def chain():
    return MadeChain("tAAPL", "tMSFT")


@pytest.fixture
def replay(chain):
    chain.mine(take("SELL", "0.5", "tAAPL"))
    chain.mine(clear("SELL", "0.25", "tMSFT"))
    with replaying(chain.recording()) as replay:
        yield replay


@pytest.fixture
def reading(replay):
    node = node_at(replay.url)
    stations = Stations(node=node)
    stations.read()
    yield stations
    node.close()


def test_a_token_is_asked_for_once(reading, replay):
    reading.process()
    assert replay.counters["eth_call"] == 4

    again = Stations(node=reading.node)
    again.fill(log_of(take("SELL", "0.5", "tAAPL"), block=200))
    assert replay.counters["eth_call"] == 4
    assert again.net("AAPL") == Decimal("-1.0")


@pytest.mark.parametrize("kind", ["429", "500", "503", "html", "empty", "garbage", "null", "cut"])
def test_a_node_that_answers_badly_delays_and_loses_nothing(reading, replay, kind):
    replay.fail(kind, times=100, methods=["eth_call"])
    with pytest.raises(NodeUnavailable):
        reading.processor.run_once(now=reading.clock())
    assert QueuedLog.objects.filter(processed=False, tries=0).count() == 2

    replay._faults.clear()
    reading.process()

    assert {symbol: f"{p.net}" for symbol, p in reading.positions().items()} == {"AAPL": "-0.5", "MSFT": "-0.25"}
    assert notices() == []


def test_a_token_that_says_nothing_of_itself_parks_its_own_fills_only(chain):
    recording = chain_with_unreadable(chain, {})
    with replaying(recording) as replay:
        node = node_at(replay.url)
        stations = Stations(node=node)
        stations.read()
        stations.process()
        node.close()

    rows = {row.block_number: row for row in QueuedLog.objects.all()}
    assert rows[101].outcome == Outcome.PARKED
    assert "is refused" in rows[101].reason
    assert rows[102].outcome == Outcome.FILL
    assert [kind for kind, _ in notices()] == ["parked_log"]


def chain_with_unreadable(chain, calls):
    chain.mine(take("SELL", "0.5", "tAAPL"))
    chain.mine(take("SELL", "0.5", "tMSFT"))
    recording = chain.recording()
    return recording | {"calls": recording["calls"] | {token("tAAPL"): calls}}


# The amounts of a clear.


def drop_after_clears(replay):
    """Let the node list clears without their AfterClear, as some do for old blocks."""
    _, after = clear("SELL", "0.25", "tMSFT")
    replay._logs = [each for each in replay._logs if after.topic not in each["topics"]]
    replay._receipts = {
        tx: each | {"logs": [log for log in each["logs"] if after.topic not in log["topics"]]}
        for tx, each in replay._receipts.items()
    }


def test_missing_amounts_are_looked_for_in_the_block_then_in_the_receipt(chain, replay):
    node = node_at(replay.url)
    stations = Stations(node=node)
    kept = list(replay._logs)
    _, after = clear("SELL", "0.25", "tMSFT")
    replay._logs = [each for each in kept if after.topic not in each["topics"]]
    stations.read()

    stations.process()

    assert stations.net("MSFT") == Decimal("-0.25")
    assert replay.counters["eth_getTransactionReceipt"] == 1

    # From the block itself, where the receipt is not even asked for.
    replay._logs = kept
    queue([log_of(clear("BUY", "0.5", "tMSFT")[0], block=300, tx="other")], now=stations.clock())
    asked = replay.counters["eth_getTransactionReceipt"]
    row = QueuedLog.objects.get(block_number=102)
    QueuedLog.objects.filter(pk=row.pk).update(processed=False, outcome="")
    stations.processor.process([QueuedLog.objects.get(pk=row.pk)], now=stations.clock())
    assert replay.counters["eth_getTransactionReceipt"] == asked
    node.close()


def test_amounts_that_come_late_are_waited_for_and_nothing_else_waits(reading, replay):
    QueuedLog.objects.filter(block_number=102).update(event_data=without_after_clear())
    whole = replay._logs, replay._receipts
    drop_after_clears(replay)

    reading.process()
    row = QueuedLog.objects.get(block_number=102)
    assert (row.processed, row.tries) == (False, 1)
    assert row.reason.startswith("MissingAfterClear")
    assert set(reading.positions()) == {"AAPL"}

    replay._logs, replay._receipts = whole
    reading.process()
    assert set(reading.positions()) == {"AAPL"}  # It is not its time yet.
    reading.forward(1)
    reading.process()
    assert reading.net("MSFT") == Decimal("-0.25")
    assert notices() == []


def test_amounts_that_never_come_park_the_clear(reading, replay):
    QueuedLog.objects.filter(block_number=102).update(event_data=without_after_clear())
    drop_after_clears(replay)

    for _ in range(TRIES_BEFORE_PARKING):
        reading.process()
        reading.forward(60)

    row = QueuedLog.objects.get(block_number=102)
    assert row.outcome == Outcome.PARKED
    assert "MissingAfterClear" in row.reason
    assert [kind for kind, _ in notices()] == ["parked_log"]


def without_after_clear() -> str:
    tagged = msgspec.json.decode(QueuedLog.objects.get(block_number=102).event_data)
    tagged["ClearV3"]["after_clear"] = None
    return msgspec.json.encode(tagged).decode()


def refuses_by_hash(text, *, receipts=False):
    """Answer so to who asks for the logs of one block; for receipts too, where that is said."""

    def refuses(method, params):
        asked = method == "eth_getLogs" and "blockHash" in params[0]
        return Refusal(-32000, text) if asked or (receipts and method == "eth_getTransactionReceipt") else None

    return refuses


@pytest.mark.parametrize("text", ["unknown block", "pruned history unavailable", "missing trie node"])
def test_a_node_that_has_let_go_of_a_block_may_have_the_receipt(reading, replay, text):
    QueuedLog.objects.filter(block_number=102).update(event_data=without_after_clear())
    replay.refuses = refuses_by_hash(text)

    reading.process()

    assert set(reading.positions()) == {"AAPL", "MSFT"}


def test_a_block_that_the_node_does_not_have_stops_no_other_log(reading, replay):
    QueuedLog.objects.filter(block_number__lte=102).update(event_data=without_after_clear())
    replay.refuses = refuses_by_hash("unknown block")
    replay._receipts = {}
    reading.fill(log_of(take("SELL", "0.5", "tAAPL"), block=300))

    assert reading.net("AAPL") == Decimal("-0.5")
    assert QueuedLog.objects.filter(processed=False).exclude(tries=0).count() > 0
    assert "unknown block" in QueuedLog.objects.filter(processed=False).first().reason


def test_a_log_that_can_not_be_read_beside_the_amounts_delays_that_clear_alone(reading, replay):
    """The receipt has the logs of every contract of the transaction."""
    QueuedLog.objects.filter(block_number=102).update(event_data=without_after_clear())
    drop_after_clears(replay)
    replay._receipts = {
        tx: receipt | {"logs": [log | {"removed": None} for log in receipt["logs"]]}
        for tx, receipt in replay._receipts.items()
    }

    reading.process()

    assert set(reading.positions()) == {"AAPL"}
    row = QueuedLog.objects.get(processed=False)
    assert (row.tries, row.reason.partition(":")[0]) == (1, "MalformedLog")


def test_a_node_that_refuses_one_question_delays_that_log_alone(reading, replay):
    QueuedLog.objects.filter(block_number=102).update(event_data=without_after_clear())
    replay.refuses = refuses_by_hash("missing trie node", receipts=True)

    reading.process()

    assert set(reading.positions()) == {"AAPL"}
    assert QueuedLog.objects.get(processed=False).tries == 1
    replay.refuses = None
    reading.forward(1)
    reading.process()
    assert set(reading.positions()) == {"AAPL", "MSFT"}


def test_names_of_logs_are_their_places(stations):
    log = log_of(take("SELL", "1", "tAAPL"), block=100, index=7, tx="x")
    queue([log], now=stations.clock())
    assert str(QueuedLog.objects.get()) == f"{tx_hash('x')}:7"


def test_a_node_that_refuses_us_is_to_blame_and_no_log(reading, replay):
    replay.fail_rate("403", 1)

    for _ in range(TRIES_BEFORE_PARKING + 1):
        with pytest.raises(AccessRefused):
            reading.processor.run_once(now=reading.clock())
        reading.forward(120)

    assert QueuedLog.objects.filter(processed=False, tries=0).count() == 2
