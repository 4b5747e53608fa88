"""Refusals: what a trade on chain tells an operator when it says no, and the numbers just beside those."""

from decimal import Decimal

import pytest

from tests.trading.onchain_trade.test_aggregate import (
    BLOCK,
    FACTS,
    FILLED,
    GAS,
    MIGRATED,
    OLD_FACTS,
    OTHER_BLOCK,
    TRADE,
    WITNESS,
    trade,
)
from trading.onchain_trade.aggregate import NoAmount, OnChainTrade, WrongOpenShares
from trading.onchain_trade.commands import Enrich, Migrate, Reorg, SetOpenShares, Witness
from trading.onchain_trade.events import Enriched

ENRICHED = Enriched(gas=GAS)


def reorg(block_hash):
    return Reorg(block_hash=block_hash)


@pytest.mark.parametrize(
    ("history", "command", "text"),
    [
        ((FILLED,), WITNESS, f"trade {TRADE} is known"),
        ((), Witness(**FACTS | {"amount": Decimal(0)}), f"trade {TRADE} would be of 0 shares"),
        ((), Enrich(gas=GAS), f"trade {TRADE} can't be enriched: there is no fill that stands"),
        ((FILLED, ENRICHED), Enrich(gas=GAS), f"trade {TRADE} has all that was brought"),
        (
            (FILLED,),
            SetOpenShares(unlinked_shares=Decimal(1)),
            f"trade {TRADE}: expected from 0 to 0.25 open shares, was 1",
        ),
        (
            (),
            SetOpenShares(unlinked_shares=Decimal(0)),
            f"trade {TRADE} has no fill that stands, so it has no open shares",
        ),
        ((), reorg(BLOCK), f"trade {TRADE} can't be taken back: there is no fill that stands"),
        (
            (FILLED,),
            reorg(OTHER_BLOCK),
            f"trade {TRADE} stands in block {BLOCK}, not in {OTHER_BLOCK}, which went away",
        ),
    ],
)
def test_a_refusal_tells_what_was_expected_and_what_was_found(history, command, text):
    assert str(trade(*history).when(command).error) == text


@pytest.mark.parametrize("amount", ["0.01", "1"])
def test_a_hundredth_of_a_share_is_a_fill(amount):
    trade().when(Witness(**FACTS | {"amount": Decimal(amount)})).then_state(stands=True)


@pytest.mark.parametrize("amount", ["0", "-0.01"])
def test_a_migrated_fill_is_of_some_shares(amount):
    trade().when(Migrate(**OLD_FACTS | {"amount": Decimal(amount)})).then_refused(NoAmount)


@pytest.mark.parametrize("open_shares", ["-0.01", "0.26"])
def test_a_migrated_fill_has_no_more_open_than_it_is_of(open_shares):
    migrate = Migrate(**OLD_FACTS | {"unlinked_shares": Decimal(open_shares)})

    trade().when(migrate).then_refused(WrongOpenShares)


@pytest.mark.parametrize("event", [FILLED, MIGRATED])
def test_what_it_does_not_know_stops_it(event):
    state = trade(event).state

    with pytest.raises(AssertionError, match="sell everything"):
        state.decide("sell everything")
    with pytest.raises(AssertionError, match="sold everything"):
        state.evolve("sold everything")
    assert state == OnChainTrade.initial(TRADE).evolve(event)
