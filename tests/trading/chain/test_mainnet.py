"""Real orders, trades and amounts of the main networks."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from eth_utils import keccak

from tests.trading.chain.encoding import OWNER, SENDER, encode, order
from trading.chain.decoder import decode_canonical
from trading.chain.fills import TokenFacts, fill_of, leg_of_take
from trading.chain.topics import TAKE_ORDER_V2, TAKE_ORDER_V2_BYTES32, TAKE_ORDER_V3
from trading.values.sides import Side

RECORDINGS = Path(__file__).parents[2] / "recordings"
USDC, SPLG = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "0x" + "59" * 20


def read(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())


ORDERS = {order["orderHash"]: order for order in read("mainnet-v4-orders")["orders"]}


def take_of(order_bytes, *, indices, input, output):  # noqa: A002
    """The log of a take, around the bytes of a real order."""
    inside = order_bytes[32:]  # After the offset that stands before a single parameter.
    words = [0x80, input, output, 0x80, *indices, 0x80 + len(inside)]
    return bytes(12) + bytes.fromhex(SENDER[2:]) + b"".join(word.to_bytes(32) for word in words) + inside + bytes(32)


@pytest.mark.parametrize("order_hash", ORDERS)
@pytest.mark.parametrize("topic0", [TAKE_ORDER_V2, TAKE_ORDER_V2_BYTES32])
def test_a_real_order_inside_a_take(order_hash, topic0):
    recorded = ORDERS[order_hash]
    order_bytes = bytes.fromhex(recorded["orderBytes"].removeprefix("0x"))
    assert "0x" + keccak(order_bytes).hex() == order_hash
    taken = decode_canonical(topic0, take_of(order_bytes, indices=(0, 1), input=3, output=4))
    expected = recorded["decoded_as_OrderV3"]
    assert taken.order.owner == expected["owner"]
    assert [list(io) for io in taken.order.inputs] == expected["validInputs"]
    assert [list(io) for io in taken.order.outputs] == expected["validOutputs"]
    assert (taken.input_io_index, taken.output_io_index, taken.input, taken.output) == (0, 1, 3, 4)


def test_real_trades_of_a_real_order():
    recorded = read("mainnet-v4-trades")
    order_bytes = bytes.fromhex(ORDERS[recorded["order_hash"]]["orderBytes"].removeprefix("0x"))
    (any_take,) = {decode_canonical(TAKE_ORDER_V2, take_of(order_bytes, indices=(0, 0), input=0, output=0)).order}
    inputs, outputs = ([io.token for io in ios] for ios in (any_take.inputs, any_take.outputs))
    assert len(recorded["trades"]) == 23
    for trade in recorded["trades"]:
        entered, left = trade["input"], trade["output"]
        data = take_of(
            order_bytes,
            indices=(inputs.index(entered["token"]), outputs.index(left["token"])),
            input=-int(left["amount"]),
            output=int(entered["amount"]),
        )
        leg = leg_of_take(decode_canonical(TAKE_ORDER_V2, data), recorded["owner"])
        assert (leg.received_token, leg.given_token) == (entered["token"], left["token"])
        assert leg.received == Decimal(entered["amount"]).scaleb(-entered["decimals"])
        assert -leg.given == Decimal(left["amount"]).scaleb(-left["decimals"])
        assert (leg.received_raw, "-" + leg.given_raw) == (entered["amount"], left["amount"])


def test_a_real_take_of_two_shares():
    recorded = read("mainnet-v5-take")
    taken, paid = (bytes.fromhex(recorded[name][2:]) for name in ("event_input", "event_output"))
    sold = order(OWNER, [(USDC, bytes(32))], [(SPLG, bytes(32))])
    event = decode_canonical(TAKE_ORDER_V3, encode(TAKE_ORDER_V3, (SENDER, (sold, 0, 0, []), taken, paid)))
    fill = fill_of(leg_of_take(event, OWNER), tokens={SPLG: TokenFacts(SPLG, "tSPLG", 18)}, usdc=USDC)
    assert (fill.side, fill.symbol, fill.shares) == (Side.SELL, "SPLG", 2)
    assert fill.usd == Decimal(int("02057d2cd516a29b6174400000", 16)).scaleb(-27)
    assert f"{fill.usd:.3f}" == "160.155"
    assert (fill.shares_raw, fill.usd_raw) == (recorded["event_input"], recorded["event_output"])
