"""The market: what it says is to be seen is what lies on the chain, on every kind of node."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from eth_abi import decode

from config.demo.chain import EmbeddedChain, Node
from config.demo.market import Market
from config.demo.scenarios import endless, scenario
from config.demo.steps import DUST, SYMBOLS, Clear, Expected, ForeignPair, Outcome, Reorg, Several, Stranger, Take, dust
from config.environment import hedge_settings
from tests.support.anvil import anvil
from trading.chain.feeds import feeds_of
from trading.chain.pyth import NoMatchingFeed, NoPythCall, NoPythPrice, pyth_price
from trading.chain.topics import (
    AFTER_CLEAR,
    AFTER_CLEAR_V2,
    CLEAR_V2,
    CLEAR_V3,
    EVENT_TYPES,
    TAKE_ORDER_V2,
    TAKE_ORDER_V3,
)
from trading.values.arithmetic import EXACT
from trading.values.quantities import shares, usd
from trading.values.sides import Side

Seen = dict[tuple[str, int], tuple[Side, str, Decimal, Decimal]]


def seen_on_chain(market: Market) -> Seen:
    """Read the owner's fills off the chain with eth_abi alone: each with its side, symbol, shares and dollars."""
    logs = market.node.request("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": market.orderbook})
    legs: dict[tuple[str, int], tuple[tuple[str, Decimal], tuple[str, Decimal]]] = {}
    for index, log in enumerate(logs):
        topic = log["topics"][0]
        values = decode(EVENT_TYPES[topic], bytes.fromhex(log["data"][2:]))
        key = (log["transactionHash"], int(log["logIndex"], 16))
        if topic in (TAKE_ORDER_V2, TAKE_ORDER_V3):
            _, (order, received, given, _), taker_input, taker_output = values
            if order[0] == market.owner:
                legs[key] = leg(order, received, taker_output, given, taker_input)
        elif topic in (CLEAR_V2, CLEAR_V3):
            _, alice, bob, indices = values
            after = logs[index + 1]
            assert after["topics"][0] == (AFTER_CLEAR if topic == CLEAR_V2 else AFTER_CLEAR_V2)
            assert after["transactionHash"] == log["transactionHash"]
            _, (alice_output, bob_output, alice_input, bob_input) = decode(
                EVENT_TYPES[after["topics"][0]], bytes.fromhex(after["data"][2:])
            )
            assert alice[0] != bob[0]
            if alice[0] == market.owner:
                legs[key] = leg(alice, indices[0], alice_input, indices[1], alice_output)
            if bob[0] == market.owner:
                legs[key] = leg(bob, indices[2], bob_input, indices[3], bob_output)

    symbols = {token: symbol for symbol, token in market.tokens.items()}
    fills: Seen = {}
    for key, ((received_token, received), (given_token, given)) in legs.items():
        if given_token == market.usdc and received_token in symbols:
            fills[key] = (Side.BUY, symbols[received_token], received, given)
        elif received_token == market.usdc and given_token in symbols:
            fills[key] = (Side.SELL, symbols[given_token], given, received)
        else:
            assert market.weth in (received_token, given_token)
    return fills


def leg(
    order: Any, received: int, received_amount: Any, given: int, given_amount: Any
) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
    return side_of_leg(order[2][received], received_amount), side_of_leg(order[3][given], given_amount)


def side_of_leg(io: Any, amount: int | bytes) -> tuple[str, Decimal]:
    if isinstance(amount, int):
        return io[0], Decimal(amount).scaleb(-io[1], EXACT)
    exponent, coefficient = int.from_bytes(amount[:4], signed=True), int.from_bytes(amount[4:], signed=True)
    return io[0], Decimal(coefficient).scaleb(exponent, EXACT)


def fills_of(expected: list[Expected]) -> Seen:
    return {
        (one.tx_hash, one.log_index): (one.side, one.symbol, one.shares, one.usd)
        for one in expected
        if one.outcome is Outcome.FILL
    }


def fills(market: Market) -> list[Expected]:
    return [one for one in market.expected() if one.outcome is Outcome.FILL]


def calls_of(market: Market, one: Expected) -> Any:
    """What a node's trace tells of a fill's transaction, but for addresses, gas and times."""

    def shape(frame: dict[str, Any]) -> Any:
        lengths = len(frame["input"]), len(frame.get("output", "0x"))
        return frame["type"], frame.get("value"), frame["input"][:10], *lengths, *map(shape, frame.get("calls", ()))

    return shape(market.node.request("debug_traceTransaction", one.tx_hash, {"tracer": "callTracer"}))


def read_from_the_oracle(market: Market, one: Expected) -> tuple[Decimal, Decimal] | type[NoPythPrice]:
    trace = market.node.request("debug_traceTransaction", one.tx_hash, {"tracer": "callTracer"})
    try:
        found = pyth_price(trace, contract=market.oracle, feeds=feeds_of(one.symbol))
    except NoPythPrice as error:
        return type(error)
    return found.price, found.confidence


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with EmbeddedChain() as chain:
        yield Market(chain)


def test_the_day_is_on_the_chain_as_the_market_says(traded):
    assert seen_on_chain(traded) == fills_of(traded.expected())


@pytest.mark.slow
def test_the_day_is_the_same_on_anvil(traded):
    with anvil() as node:
        market = Market(node)
        for step in scenario():
            market.play(step)

        assert seen_on_chain(market) == fills_of(market.expected())
        assert market.expected_positions() == traded.expected_positions()
        assert [calls_of(market, one) for one in fills(market)] == [calls_of(traded, one) for one in fills(traded)]
        vanished = [one for one in market.expected() if one.outcome is Outcome.VANISHED]
        assert [node.request("eth_getTransactionReceipt", one.tx_hash) for one in vanished] == [None]


def test_the_positions_are_what_the_chain_adds_up_to(traded):
    net = dict.fromkeys(SYMBOLS, Decimal(0))
    for side, symbol, moved, _ in seen_on_chain(traded).values():
        net[symbol] = EXACT.add(net[symbol], moved if side is Side.BUY else -moved)

    assert traded.expected_positions() == net


def test_a_day_has_every_kind_of_fill(traded):
    outcomes = Counter(one.outcome for one in traded.expected())
    steps = scenario()
    calls = [call for step in steps for call in (step.steps if isinstance(step, Several) else (step,))]

    assert 40 <= outcomes[Outcome.FILL] <= 60
    assert outcomes[Outcome.VANISHED] == 1
    assert outcomes[Outcome.PARKED] == 1
    assert outcomes[Outcome.FILTERED] >= 5
    assert {call.symbol for call in calls if isinstance(call, Take)} == set(SYMBOLS)
    assert {(call.generation, call.ours) for call in calls if isinstance(call, Clear)} == {
        (generation, ours) for generation in (4, 5) for ours in ("alice", "bob", None)
    }
    for kind in (Stranger, ForeignPair, Several, Reorg):
        assert any(isinstance(step, kind) for step in (*calls, *steps)), kind


def test_a_day_is_the_same_for_the_same_seed():
    assert scenario(3) == scenario(3)
    assert scenario(3) != scenario(4)
    assert list(islice(endless(3), 20)) == list(islice(endless(3), 20))


@pytest.mark.parametrize("generation", [4, 5])
@pytest.mark.parametrize("side", list(Side))
def test_a_take(market, side, generation):
    (made,) = market.play(Take("NVDA", side, shares("0.374"), usd("171.577540"), generation))

    assert (made.outcome, made.symbol, made.side, made.shares) == (Outcome.FILL, "NVDA", side, shares("0.374"))
    # 0.374 × 171.577540 = 64.16999996, of which USDC can pay six decimals.
    assert made.usd == usd("64.169999" if generation == 4 else "64.16999996")
    assert fills_of([made]).items() <= seen_on_chain(market).items()


@pytest.mark.parametrize("generation", [4, 5])
@pytest.mark.parametrize("ours", ["alice", "bob"])
@pytest.mark.parametrize("side", list(Side))
def test_a_clear(market, side, ours, generation):
    (made,) = market.play(Clear("GME", side, shares("9"), usd("11.11"), generation, ours))

    assert (made.side, made.shares, made.usd) == (side, shares("9"), usd("99.99"))
    assert fills_of([made]).items() <= seen_on_chain(market).items()


@pytest.mark.parametrize("generation", [4, 5])
def test_what_is_not_ours_is_not_seen_as_ours(market, generation):
    before = seen_on_chain(market)

    steps = [
        Stranger("AAPL", Side.BUY, shares("2"), usd("270"), generation),
        Clear("AAPL", Side.BUY, shares("2"), usd("270"), generation, None),
    ]
    made = [market.play(step)[0] for step in steps]
    foreign = market.play(ForeignPair("AAPL", Side.SELL, shares("2"), Decimal("0.09"), generation))[0]

    assert [one.outcome for one in made] == [Outcome.FILTERED, Outcome.FILTERED]
    assert (foreign.outcome, foreign.usd) == (Outcome.PARKED, Decimal("0.18"))
    assert seen_on_chain(market) == before


def test_several_in_one_transaction(market):
    step = Several(
        (
            Take("AAPL", Side.BUY, shares("0.1"), usd("270"), 4),
            Clear("AAPL", Side.BUY, shares("0.2"), usd("270"), 5, "bob"),
            Stranger("AAPL", Side.BUY, shares("0.3"), usd("270"), 5),
            Clear("TSLA", Side.SELL, shares("0.4"), usd("390"), 4, "alice"),
            Take("AAPL", Side.SELL, shares("0.5"), usd("270"), 5),
        )
    )

    made = market.play(step)

    assert len({one.tx_hash for one in made}) == 1
    assert [one.log_index for one in made] == [0, 1, 3, 4, 6]
    assert fills_of(made).items() <= seen_on_chain(market).items()


@pytest.mark.parametrize("side", list(Side))
def test_a_fill_reads_a_price_of_the_oracle_near_its_own(market, side):
    (made,) = market.play(Take("NVDA", side, shares("0.5"), usd("178.88")))

    assert made.oracle is not None
    read = read_from_the_oracle(market, made)
    assert read == (made.oracle.price_usd, made.oracle.confidence_usd)
    price, confidence = read
    assert abs(price - usd("178.88")) <= usd("178.88") * Decimal("0.0026")
    assert Decimal(0) < confidence < price * Decimal("0.001")


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (Take("AAPL", Side.BUY, shares("0.5"), usd("271"), feed=None), NoPythCall),
        (Clear("AAPL", Side.BUY, shares("0.5"), usd("271"), feed=None), NoPythCall),
        (Take("AAPL", Side.BUY, shares("0.5"), usd("271"), feed="another"), NoMatchingFeed),
        # Pyth has no price of it that we know of.
        (Take("BRK.B", Side.BUY, shares("0.5"), usd("504")), NoPythCall),
    ],
)
def test_a_fill_that_reads_no_price_of_its_share(market, step, found):
    (made,) = market.play(step)

    assert made.oracle is None
    assert read_from_the_oracle(market, made) is found


def test_fills_of_one_transaction_read_each_its_shares_price_and_the_first_of_it(market):
    aapl, tsla, again, unread = market.play(
        Several(
            (
                Take("AAPL", Side.BUY, shares("0.1"), usd("270")),
                Take("TSLA", Side.BUY, shares("0.1"), usd("390")),
                Take("AAPL", Side.BUY, shares("0.2"), usd("280")),
                Take("TSLA", Side.BUY, shares("0.2"), usd("390"), feed=None),
            )
        )
    )

    assert again.oracle == aapl.oracle
    # What another trade of the same transaction read is in the trace, whoever asked.
    assert unread.oracle == tsla.oracle
    for one in (aapl, tsla, again, unread):
        assert read_from_the_oracle(market, one) == (one.oracle.price_usd, one.oracle.confidence_usd)


def test_most_fills_of_a_day_read_the_oracle_and_some_do_not(traded):
    feeds = Counter(one.oracle is not None for one in fills(traded) if one.symbol != "BRK.B")

    assert feeds[True] > 30
    assert feeds[False] >= 2
    found = {read_from_the_oracle(traded, one) for one in fills(traded) if one.oracle is None}
    assert found == {NoPythCall, NoMatchingFeed}


@pytest.mark.parametrize(("generation", "paid"), [(4, "0"), (5, "0.00000000002065")])
def test_dust(market, generation, paid):
    (made,) = market.play(dust("GME", Side.BUY, generation))

    assert (made.shares, made.usd) == (DUST, usd(paid))
    assert fills_of([made]).items() <= seen_on_chain(market).items()


def test_an_amount_that_a_token_can_not_carry_is_refused(market):
    with pytest.raises(ValueError, match="expected an amount of at most 18 decimals"):
        market.play(Take("GME", Side.BUY, Decimal("1e-19"), usd("20"), 4))


@pytest.mark.parametrize("seed", range(5))
def test_positions_cross_a_share_within_a_minute(seed):
    net: Counter[str] = Counter()
    crossed = False
    for step in islice(endless(seed), 30):  # One every two seconds.
        for call in step.steps if isinstance(step, Several) else (step,):
            assert isinstance(call, Take | Clear | Stranger)
            assert call.shares == DUST or Decimal("0.01") <= call.shares <= 3
            if not isinstance(call, Stranger):
                net[call.symbol] += int(call.shares * 10_000) * (1 if call.side is Side.BUY else -1)
        crossed = crossed or any(abs(ten_thousandths) >= 10_000 for ten_thousandths in net.values())

    assert crossed


def test_the_endless_day_is_on_the_chain_as_the_market_says():
    with EmbeddedChain() as chain:
        market = Market(chain)
        for step in islice(endless(11), 25):
            market.play(step)

        assert seen_on_chain(market) == fills_of(market.expected())


def test_the_environment_is_one_that_the_project_reads(market):
    settings = hedge_settings(market.environment())

    assert settings.rpc_url == market.node.url
    assert (settings.orderbook, settings.owner, settings.usdc) == (market.orderbook, market.owner, market.usdc)
    assert settings.deployment_block == market.deployment_block == 1


def test_every_node_fits(chain):
    node: Node = chain

    assert Market(node).orderbook
