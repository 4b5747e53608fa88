"""Onchain trade: witnessed once, enriched as more is known, taken back with its block, and witnessed again."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from eventstore.testing import Given, given
from trading.onchain_trade.aggregate import (
    AlreadyEnriched,
    AlreadyFilled,
    NoAmount,
    NotFilled,
    OnChainTrade,
    OnChainTradeError,
    OtherBlock,
    WrongOpenShares,
)
from trading.onchain_trade.commands import Enrich, Migrate, Reorg, SetOpenShares, Witness
from trading.onchain_trade.events import Enriched, Filled, Gas, Migrated, OpenSharesSet, PythPrice, Reorged
from trading.values.identifiers import NotAnIdentifier, TradeId
from trading.values.sides import Side

TRADE = f"0x{'ab' * 32}:7"
BLOCK, OTHER_BLOCK = f"0x{'01' * 32}", f"0x{'02' * 32}"
AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)

FACTS = {
    "symbol": "AAPL",
    "token_symbol": "tAAPL",
    "side": Side.BUY,
    "amount": Decimal("0.25"),
    "usdc": Decimal(50),
    "price_usdc": Decimal(200),
    "amount_raw": "250000000000000000",
    "usdc_raw": "50000000",
    "block_number": 100,
    "block_hash": BLOCK,
    "block_timestamp": AT,
}
WITNESS, FILLED = Witness(**FACTS), Filled(**FACTS)
AGAIN = FACTS | {"block_number": 101, "block_hash": OTHER_BLOCK}

GAS = Gas(gas_used=120_000, effective_gas_price=1_000_000)
PYTH = PythPrice(feed_id="0xfe", price=Decimal("200.12345"), confidence=Decimal("0.05"), exponent=-5, publish_time=AT)
OTHER_GAS = Gas(gas_used=1)

# What an older installation kept of a fill, and no more.
OLD_FACTS = {
    "symbol": "AAPL",
    "token_symbol": "AAPL0x",
    "side": Side.SELL,
    "amount": Decimal("0.25"),
    "price_usdc": Decimal(200),
    "block_timestamp": AT,
}
MIGRATE, MIGRATED = Migrate(**OLD_FACTS), Migrated(**OLD_FACTS)
REORGED = Reorged(block_number=100, block_hash=BLOCK)


def trade(*events):
    return given(OnChainTrade, TRADE, *events)


def test_a_fill_is_witnessed():
    trade().when(WITNESS).then(FILLED).then_state(
        trade=TradeId.parse(TRADE), fill=FILLED, gas=None, pyth=None, stands=True
    )


def test_a_trade_is_a_place_on_chain():
    with pytest.raises(NotAnIdentifier):
        given(OnChainTrade, "AAPL")


def test_a_fill_is_enriched():
    trade(FILLED).when(Enrich(gas=GAS, pyth=PYTH)).then(Enriched(gas=GAS, pyth=PYTH)).then_state(
        fill=FILLED, gas=GAS, pyth=PYTH
    )


@pytest.mark.parametrize(
    ("known", "brought", "added"),
    [
        # The reference enriches once, with all of it. The receipt and the trace come from two calls, either of which
        # may fail, so a fill takes what became known, whenever it did.
        (Enriched(gas=GAS), Enrich(pyth=PYTH), Enriched(pyth=PYTH)),
        (Enriched(pyth=PYTH), Enrich(gas=GAS), Enriched(gas=GAS)),
        # What is known stays as it was first told.
        (Enriched(gas=GAS), Enrich(gas=OTHER_GAS, pyth=PYTH), Enriched(pyth=PYTH)),
        (Enriched(pyth=PYTH), Enrich(gas=GAS, pyth=PYTH), Enriched(gas=GAS)),
    ],
)
def test_an_enrichment_adds_what_was_not_known(known, brought, added):
    trade(FILLED, known).when(brought).then(added).then_state(gas=GAS, pyth=PYTH)


def test_a_fill_whose_oracle_price_is_never_found_has_its_gas():
    trade(FILLED).when(Enrich(gas=GAS)).then(Enriched(gas=GAS)).then_state(gas=GAS, pyth=None)


@pytest.mark.parametrize("history", [(), (FILLED, REORGED), (FILLED, Enriched(gas=GAS), REORGED), (MIGRATED, REORGED)])
def test_there_is_nothing_to_enrich_where_no_fill_stands(history):
    trade(*history).when(Enrich(gas=GAS, pyth=PYTH)).then_refused(NotFilled)


@pytest.mark.parametrize(
    ("history", "brought"),
    [
        ((FILLED, Enriched(gas=GAS, pyth=PYTH)), Enrich(gas=GAS, pyth=PYTH)),
        ((FILLED, Enriched(gas=GAS, pyth=PYTH)), Enrich(gas=OTHER_GAS)),
        ((FILLED, Enriched(gas=GAS)), Enrich(gas=GAS)),
        ((FILLED, Enriched(gas=GAS), Enriched(pyth=PYTH)), Enrich(pyth=PYTH)),
        # An enrichment that brings nothing adds nothing.
        ((FILLED,), Enrich()),
        ((Migrated(**OLD_FACTS, gas=GAS, pyth=PYTH),), Enrich(gas=GAS, pyth=PYTH)),
    ],
)
def test_an_enrichment_that_adds_nothing_is_refused(history, brought):
    trade(*history).when(brought).then_refused(AlreadyEnriched)


def test_a_migrated_fill_without_oracle_price_is_enriched():
    # The reference drops a single gas value on the way in; here it is kept, and only the price is news.
    trade(Migrated(**OLD_FACTS, gas=GAS)).then_state(gas=GAS, pyth=None).when(Enrich(gas=OTHER_GAS, pyth=PYTH)).then(
        Enriched(pyth=PYTH)
    ).then_state(gas=GAS, pyth=PYTH)
    trade(MIGRATED).when(Enrich(gas=GAS, pyth=PYTH)).then(Enriched(gas=GAS, pyth=PYTH))


@pytest.mark.parametrize("seen", [WITNESS, Witness(**AGAIN), MIGRATE])
@pytest.mark.parametrize("history", [(FILLED,), (FILLED, Enriched(gas=GAS)), (MIGRATED,), (FILLED, REORGED, FILLED)])
def test_a_fill_that_stands_is_not_taken_twice(history, seen):
    trade(*history).when(seen).then_refused(AlreadyFilled)


@pytest.mark.parametrize("amount", ["0", "-0.25"])
def test_a_fill_is_of_some_shares(amount):
    trade().when(Witness(**FACTS | {"amount": Decimal(amount)})).then_refused(NoAmount)
    trade().when(Migrate(**OLD_FACTS | {"amount": Decimal(amount)})).then_refused(NoAmount)


def test_a_fill_without_a_price_is_a_fill():
    unpriced = FACTS | {"usdc": Decimal(0), "price_usdc": None}

    trade().when(Witness(**unpriced)).then(Filled(**unpriced)).then_state(stands=True)


def test_a_fill_keeps_every_digit():
    exact = FACTS | {"amount": Decimal("0." + "1234567890" * 7), "usdc": Decimal("9" * 70)}

    trade().when(Witness(**exact)).then(Filled(**exact)).then_state(fill=Filled(**exact))


def test_an_older_fill_is_migrated_with_what_is_known_of_it():
    trade().when(Migrate(**OLD_FACTS, gas=GAS, pyth=PYTH)).then(Migrated(**OLD_FACTS, gas=GAS, pyth=PYTH)).then_state(
        stands=True, gas=GAS, pyth=PYTH, fill=MIGRATED
    )
    trade().when(MIGRATE).then(MIGRATED).then_state(stands=True, gas=None, pyth=None, fill=MIGRATED)


def test_a_fill_goes_with_its_block():
    trade(FILLED, Enriched(gas=GAS)).when(Reorg(block_hash=BLOCK)).then(REORGED).then_state(
        stands=False, reorged=True, fill=FILLED
    )


def test_a_fill_does_not_go_with_another_block():
    trade(FILLED).when(Reorg(block_hash=OTHER_BLOCK)).then_refused(OtherBlock)


def test_a_migrated_fill_goes_with_the_block_that_is_known_of_it():
    # No block was kept, so the caller's word is all there is.
    trade(MIGRATED).when(Reorg(block_hash=BLOCK)).then(Reorged(block_number=None, block_hash=BLOCK))
    with_block = Migrated(**OLD_FACTS, block_number=100, block_hash=BLOCK)
    trade(with_block).when(Reorg(block_hash=OTHER_BLOCK)).then_refused(OtherBlock)
    trade(with_block).when(Reorg(block_hash=BLOCK)).then(REORGED)


@pytest.mark.parametrize("history", [(), (FILLED, REORGED)])
def test_there_is_nothing_to_take_back_where_no_fill_stands(history):
    trade(*history).when(Reorg(block_hash=BLOCK)).then_refused(NotFilled)


def test_a_transaction_comes_back_in_another_block_and_is_a_new_fill():
    # What was known of the first one was known of another block.
    back = trade(FILLED, Enriched(gas=GAS, pyth=PYTH), REORGED).when(Witness(**AGAIN)).then(Filled(**AGAIN))

    back.then_state(stands=True, fill=Filled(**AGAIN), gas=None, pyth=None)
    Given(back.state).when(Reorg(block_hash=BLOCK)).then_refused(OtherBlock)
    Given(back.state).when(Reorg(block_hash=OTHER_BLOCK)).then(Reorged(block_number=101, block_hash=OTHER_BLOCK))


# What the rows keep of a fill besides its state


def test_a_migrated_fill_brings_what_its_row_knew_and_its_state_has_none_of_it():
    whole = OLD_FACTS | {"unlinked_shares": Decimal("0.125"), "taken_in_at": AT}

    trade().when(Migrate(**whole)).then(Migrated(**whole)).then_state(fill=MIGRATED)


@pytest.mark.parametrize(("shares", "may"), [("0", True), ("0.25", True), ("0.250001", False), ("-0.01", False)])
def test_no_more_is_open_of_a_fill_than_it_is_of(shares, may):
    whole, count = OLD_FACTS | {"unlinked_shares": Decimal(shares)}, SetOpenShares(unlinked_shares=Decimal(shares))

    if may:
        trade().when(Migrate(**whole)).then(Migrated(**whole))
        trade(MIGRATED).when(count).then(OpenSharesSet(unlinked_shares=Decimal(shares))).then_state(fill=MIGRATED)
    else:
        trade().when(Migrate(**whole)).then_refused(WrongOpenShares)
        trade(MIGRATED).when(count).then_refused(WrongOpenShares)


def test_only_of_a_fill_that_stands_anything_is_open():
    trade().when(SetOpenShares(unlinked_shares=Decimal(0))).then_refused(NotFilled)
    trade(FILLED, REORGED).when(SetOpenShares(unlinked_shares=Decimal(0))).then_refused(NotFilled)


def test_a_reorg_that_an_older_row_knows_of_keeps_its_time():
    migrated = Migrated(**OLD_FACTS, block_number=100, block_hash=BLOCK)

    trade(migrated).when(Reorg(block_hash=BLOCK, reorged_at=AT)).then(
        Reorged(block_number=100, block_hash=BLOCK, reorged_at=AT)
    ).then_state(reorged=True)


gas = st.none() | st.builds(Gas, gas_used=st.integers(1, 10), effective_gas_price=st.none() | st.integers(1, 10))
pyth = st.none() | st.just(PYTH)
amounts = st.sampled_from([Decimal(-1), Decimal(0), Decimal("0.5"), Decimal("0." + "3" * 70)])
blocks = st.sampled_from([BLOCK, OTHER_BLOCK])
commands = st.one_of(
    st.builds(lambda amount, block: Witness(**FACTS | {"amount": amount, "block_hash": block}), amounts, blocks),
    st.builds(Enrich, gas=gas, pyth=pyth),
    st.builds(Reorg, block_hash=blocks),
    st.builds(
        lambda amount, block, gas, pyth: Migrate(
            **OLD_FACTS | {"amount": amount, "block_hash": block, "gas": gas, "pyth": pyth}
        ),
        amounts,
        st.none() | blocks,
        gas,
        pyth,
    ),
)
events = st.one_of(
    st.sampled_from([FILLED, Filled(**AGAIN), MIGRATED, Migrated(**OLD_FACTS, gas=GAS), REORGED]),
    st.builds(Enriched, gas=gas, pyth=pyth),
)


@settings(deadline=None)
@for_all(st.lists(commands, max_size=20))
def test_any_commands_end_in_events_or_a_refusal(commands):
    told = trade()
    for command in commands:
        decided = told.when(command)

        assert decided.error is None or isinstance(decided.error, OnChainTradeError)
        before, after = told.state, decided.state
        if decided.error is None:
            assert after != before
        if before.stands and after.stands:
            assert after.fill == before.fill
            assert before.gas in (None, after.gas)
            assert before.pyth in (None, after.pyth)
        if after.stands:
            assert after.fill.amount > 0
        told = Given(after)


@settings(deadline=None)
@for_all(st.lists(events, max_size=10))
def test_any_events_make_a_state(events):
    assert trade(*events).state.trade == TradeId.parse(TRADE)
