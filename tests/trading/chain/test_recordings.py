"""Recorded chains: every trade of the owner as its vaults changed, and no other.

The vaults of the V6 contract hold Rain floats: a balance of many digits swallows the last ones of an amount put to it,
so the vaults show what moved to some sixty digits, where the event says it exactly. We keep what the event says.
"""

import gzip
import json
import random
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from eth_abi import decode as abi_decode

from tests.trading.chain.encoding import read_by_eth_abi, read_by_web3
from trading.chain.after_clear import pair
from trading.chain.decoder import decode, decode_canonical
from trading.chain.feeds import feeds_of
from trading.chain.fills import TokenFacts, concerns, fill_of, leg_of_clear, leg_of_take
from trading.chain.logs import Log
from trading.chain.pyth import NoPythPrice, pyth_price
from trading.chain.topics import AFTER_CLEARS, CLEARS, EVENT_NAMES, TAKES

RECORDINGS = Path(__file__).parents[2] / "recordings"
PYTH = "0x8250f4aF4B972684F7b336503E2D6dFeDeB1487a"

pytestmark = pytest.mark.parametrize("name", ["orderbook-v4", "orderbook-v6"])


@cache
def recording(name):
    return json.loads(gzip.decompress((RECORDINGS / f"{name}.json.gz").read_bytes()))


@cache
def logs_of(name):
    """The order book's logs, all of them, out of order and each twice, as the worst of nodes would answer."""
    logs = [Log.from_rpc(answer) for answer in recording(name)["logs"]]
    ours = [log for log in logs if log.address == recording(name)["orderbook"].lower()]
    shuffled = ours * 2
    random.Random(11).shuffle(shuffled)
    return shuffled


@cache
def tokens_of(name):
    def facts(address, calls):
        (symbol,) = abi_decode(["string"], bytes.fromhex(calls["0x95d89b41"][2:]))
        return TokenFacts(address, symbol, int(calls["0x313ce567"], 16))

    return {address: facts(address, calls) for address, calls in recording(name)["calls"].items() if calls}


@cache
def found_in(name):
    """Every clear and take, as (leg, fill, AfterClear's index), or None where it concerns us not."""
    owner, logs, found = recording(name)["owner"], logs_of(name), {}
    for log in logs:
        if log.topic0 not in CLEARS | TAKES:
            continue
        event, after, leg = decode(log.topic0, log.data), None, None
        if log.topic0 in TAKES:
            leg = leg_of_take(event, owner)
        elif concerns(event, owner):
            after = pair(log, logs)
            leg = leg_of_clear(event, decode(after.topic0, after.data), owner)
        assert concerns(event, owner) is (leg is not None)
        fill = leg and fill_of(leg, tokens=tokens_of(name), usdc=recording(name)["usdc"])
        found[log.tx_hash, log.log_index] = (EVENT_NAMES[log.topic0], log, leg, fill, after and after.log_index)
    return found


def as_the_vaults_tell(name, amount, expected):
    if name == "orderbook-v4":  # Its vaults hold integers.
        return f"{amount:f}" == expected
    # A float has 67 digits for certain, and the vaults hold less than a thousand million.
    return abs(Fraction(amount) - Fraction(expected)) < Fraction(1, 10 ** (67 - 9))


def key(expected):
    return expected["tx_hash"], expected["log_index"]


def test_the_trades_are_those_that_the_vaults_tell_and_no_others(name):
    expected = recording(name)["expected"]
    ours = {place for place, (_, _, _, fill, _) in found_in(name).items() if fill}
    assert ours == {key(trade) for trade in expected["trades"]}
    assert set(found_in(name)) - ours == {key(event) for event in expected["filtered"]}
    assert expected["trades"]
    assert expected["filtered"]
    assert not expected["ambiguous"]


def test_each_trade_to_its_last_digit(name):
    for trade in recording(name)["expected"]["trades"]:
        event, log, _, fill, after_index = found_in(name)[key(trade)]
        found = (event, log.block_number, log.block_hash, log.tx_index, log.block_timestamp, after_index)
        assert found == (
            trade["event"],
            trade["block_number"],
            trade["block_hash"],
            trade["tx_index"],
            trade["block_timestamp"],
            trade.get("after_clear_log_index"),
        )
        assert (fill.token_symbol, fill.symbol, fill.side) == (
            trade["symbol"],
            trade["base_symbol"],
            trade["direction"],
        )
        assert as_the_vaults_tell(name, fill.shares, trade["equity_amount"])
        assert as_the_vaults_tell(name, fill.usd, trade["usdc_amount"])
        assert fill.price == Decimal(trade["price_usdc"])


def test_each_amount_is_the_events_own(name):
    for _, log, _, fill, after_index in found_in(name).values():
        if fill is None:
            continue
        places = {log.log_index, after_index}
        said = [other.data for other in logs_of(name) if other.tx_hash == log.tx_hash and other.log_index in places]
        words = {data[at : at + 32] for data in said for at in range(0, len(data), 32)}
        usdc = recording(name)["usdc"].lower()
        for amount, raw, token in ((fill.shares, fill.shares_raw, fill.token), (fill.usd, fill.usd_raw, usdc)):
            if name == "orderbook-v4":
                word, value = int(raw).to_bytes(32), Fraction(int(raw), 10 ** tokens_of(name)[token].decimals)
            else:
                word = bytes.fromhex(raw.removeprefix("0x"))
                value = int.from_bytes(word[4:], signed=True) * Fraction(10) ** int.from_bytes(word[:4], signed=True)
            assert word in words
            assert Fraction(amount) == value


def test_each_leg_is_what_entered_and_left_the_vaults(name):
    for trade in recording(name)["expected"]["trades"]:
        _, _, leg, _, _ = found_in(name)[key(trade)]
        ((received,), (given,)) = trade["received"], trade["given"]
        symbols = tokens_of(name)
        assert symbols[leg.received_token].symbol == received["symbol"]
        assert symbols[leg.given_token].symbol == given["symbol"]
        assert as_the_vaults_tell(name, leg.received, received["amount"])
        assert as_the_vaults_tell(name, leg.given, given["amount"])


def test_each_price_that_the_transaction_read_from_pyth(name):
    for trade in recording(name)["expected"]["trades"]:
        trace = recording(name)["traces"][trade["tx_hash"]]
        feeds, expected = feeds_of(trade["base_symbol"]), trade["pyth"]
        assert feeds
        if expected is None:
            with pytest.raises(NoPythPrice):
                pyth_price(trace, contract=PYTH, feeds=feeds)
            continue
        found = pyth_price(trace, contract=PYTH, feeds=feeds)
        assert (found.feed_id, str(found.price), str(found.confidence), found.exponent, found.publish_time) == (
            expected["feed_id"],
            expected["price"],
            expected["confidence"],
            expected["exponent"],
            expected["publish_time"],
        )


def test_every_event_is_read_alike_on_every_road(name):
    followed = [log for log in logs_of(name) if log.topic0 in CLEARS | TAKES | AFTER_CLEARS]
    assert followed
    for log in followed:
        assert decode_canonical(log.topic0, log.data) == read_by_eth_abi(log.topic0, log.data)
    for log in followed[:40]:
        assert decode_canonical(log.topic0, log.data) == read_by_web3(log.topic0, log.data)
