"""Recorded chains, from the node over HTTP to the last order: every trade, position and hedge, and nothing else."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.support.books import books
from tests.support.chains import V4, V6, node_at
from tests.support.replay_node import recorded, replaying
from tests.support.stations import MODES, Stations, notices
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import Outcome, QueuedLog
from trading.values.identifiers import TradeId
from trading.values.sides import Side

pytestmark = [
    pytest.mark.parametrize("mode", MODES),
    pytest.mark.parametrize("path", [V4, V6], ids=["v4", "v6"]),
]

# The vaults of the V6 contract hold floats: a balance of many digits swallows the last ones of an amount put to it.
# The events say the amounts exactly, and what an event says is what we keep.
VAULT_DIGITS = {V4: None, V6: 58}


@pytest.fixture
def stations(path, mode):
    with replaying(path) as replay:
        node = node_at(replay.url)
        yield Stations(mode=mode, node=node, chain=recorded(path))
        node.close()


def same(path: str, found: Decimal, expected: str) -> bool:
    digits = VAULT_DIGITS[path]
    if digits is None:
        return found == Decimal(expected)
    return abs(Fraction(found) - Fraction(expected)) <= Fraction(1, 10**digits)


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


@pytest.mark.django_db(transaction=True)
def test_every_trade_to_its_last_digit_and_nothing_else(stations, path):
    expected = recorded(path)["expected"]

    stations.read()
    stations.process()
    stations.run(stations.enricher)

    trades = books(stations.ledger).trades
    assert set(trades) == {str(TradeId(each["tx_hash"], each["log_index"])) for each in expected["trades"]}
    for each in expected["trades"]:
        hold_as_expected(path, trades[str(TradeId(each["tx_hash"], each["log_index"]))], each)
    assert outcomes() == {
        Outcome.FILL: {(each["tx_hash"], each["log_index"]) for each in expected["trades"]},
        Outcome.FILTERED: {(each["tx_hash"], each["log_index"]) for each in expected["filtered"]},
    }
    assert ChainCheckpoint.objects.get().next_block == expected["to_block"] + 1
    assert notices() == []


def hold_as_expected(path: str, trade: Any, each: dict[str, Any]) -> None:
    fill = trade.fill
    assert (fill.token_symbol, fill.symbol, fill.side) == (each["symbol"], each["base_symbol"], each["direction"])
    assert (fill.block_number, fill.block_hash, fill.block_timestamp) == (
        each["block_number"],
        each["block_hash"],
        moment(each["block_timestamp"]),
    )
    assert same(path, fill.amount, each["equity_amount"])
    assert same(path, fill.usdc, each["usdc_amount"])
    assert fill.price_usdc == Decimal(each["price_usdc"])
    for amount, raw, decimals in ((fill.amount, fill.amount_raw, 18), (fill.usdc, fill.usdc_raw, 6)):
        assert Fraction(amount) == emitted(path, raw, decimals)
    assert (trade.gas.gas_used, trade.gas.effective_gas_price) == (each["gas_used"], each["effective_gas_price"])
    pyth = each["pyth"]
    if pyth is None:
        assert trade.pyth is None
    else:
        assert (trade.pyth.price, trade.pyth.confidence) == (Decimal(pyth["price"]), Decimal(pyth["confidence"]))
        assert (trade.pyth.feed_id, trade.pyth.exponent) == (pyth["feed_id"], pyth["exponent"])
        assert trade.pyth.publish_time == moment(pyth["publish_time"])


def emitted(path: str, raw: str, decimals: int) -> Fraction:
    """The number that the event's own word stands for."""
    if path == V4:
        return Fraction(int(raw), 10**decimals)
    word = bytes.fromhex(raw.removeprefix("0x"))
    return int.from_bytes(word[4:], signed=True) * Fraction(10) ** int.from_bytes(word[:4], signed=True)


def outcomes() -> dict[str, set[tuple[str, int]]]:
    found: dict[str, set[tuple[str, int]]] = {}
    for log in QueuedLog.objects.all():
        found.setdefault(log.outcome, set()).add((log.tx_hash, log.log_index))
    return found


@pytest.mark.django_db
def test_the_positions_are_what_the_trades_add_up_to(stations, path):
    expected = recorded(path)["expected"]["positions"]

    stations.read()
    stations.process()

    kept = books(stations.ledger)
    assert set(kept.positions) == set(expected)
    for symbol, each in expected.items():
        position = kept.positions[symbol]
        fills = [trade.fill for trade in kept.trades.values() if trade.fill.symbol == symbol]
        assert same(path, position.net, each["net_equity"])
        assert position.net == sum((f.amount if f.side is Side.BUY else -f.amount for f in fills), Decimal(0))
        assert same(path, position.onchain_bought + position.onchain_sold, each["volume_equity"])
        assert sum(fill.side is Side.BUY for fill in fills) == each["buys"]
        assert sum(fill.side is Side.SELL for fill in fills) == each["sells"]
        last = max(fills, key=lambda fill: (fill.block_number, fill.block_timestamp))
        assert position.last_price.block_number == last.block_number


@pytest.mark.django_db
def test_the_hedges_in_lockstep_are_those_of_the_simulation(stations, path):
    simulated = recorded(path)["expected"]["hedge_simulation"]
    hedges = []

    def note(log):
        hedges.extend(
            {
                "after_tx": log.tx_hash,
                "log_index": log.log_index,
                "base_symbol": order.symbol,
                "side": order.side,
                "shares": order.requested_shares,
            }
            for order in stations.orders()[len(hedges) :]
        )

    stations.read()
    stations.lockstep(after=note)

    assert hedges == simulated["hedges"]
    kept = books(stations.ledger)
    assert all(order.filled_shares == order.requested_shares for order in kept.orders.values())
    for symbol, residual in simulated["residual_net"].items():
        assert same(path, kept.positions[symbol].net, residual)
    for symbol, hedged in simulated["total_hedged"].items():
        position = kept.positions[symbol]
        assert (position.broker_bought, position.broker_sold) == (hedged.get("BUY", 0), hedged.get("SELL", 0))
    assert notices() == []
