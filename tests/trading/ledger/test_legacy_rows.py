"""Legacy rows: when each was written, what is open of a fill, and the lock of a symbol that has an open order."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.trading.ledger.steps import AT, Steps, tx_hash
from trading.ledger.legacy import EPOCH, LegacyMemory
from trading.ledger.mode import Mode
from trading.ledger.tables import OffchainTrade, OnchainTrade, SymbolLock, TradeAccumulator
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Migrate, Reorg, SetOpenShares
from trading.values.identifiers import TradeId
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


@pytest.fixture
def steps():
    return Steps(Mode.LEGACY)


def locks():
    return dict(SymbolLock.objects.values_list("symbol", "locked_at"))


def test_a_fill_is_open_as_a_whole_from_when_it_was_taken_in_until_its_reorg(steps):
    trade = steps.fill("BUY", "0.5")
    taken_in = steps.now
    steps.enrich(trade)
    row = OnchainTrade.objects.get()
    assert (row.created_at, row.unlinked_shares, row.reorged_at) == (taken_in, Decimal("0.5"), None)
    assert (row.gas_used, row.stream_version) == (21_000, 2)

    steps.reorg(trade)

    row = OnchainTrade.objects.get()
    assert (row.created_at, row.unlinked_shares, row.reorged_at) == (taken_in, 0, steps.now)


def test_what_is_counted_as_open_is_written_to_that_fill_alone(steps):
    counted, other = steps.fill("BUY", "0.5"), steps.fill("BUY", "0.25")

    with steps.step() as step, step.group("rebuild"):
        step.handle(OnChainTrade, counted, SetOpenShares(unlinked_shares=Decimal("0.125")))

    open_shares = {str(row.trade): row.unlinked_shares for row in OnchainTrade.objects.all()}
    assert open_shares == {str(counted): Decimal("0.125"), str(other): Decimal("0.25")}


def test_two_fills_of_one_transaction_have_a_row_each(steps):
    first = steps.fill("BUY", "0.5", block=7, log_index=1)
    second = steps.fill("BUY", "0.25", block=7, log_index=2, tx=first.tx_hash)
    steps.enrich(second)

    rows = {row.log_index: (row.amount, row.gas_used) for row in OnchainTrade.objects.all()}
    assert rows == {1: (Decimal("0.5"), None), 2: (Decimal("0.25"), 21_000)}


def test_a_position_that_is_only_looked_at_has_a_row_that_says_nothing(steps):
    steps.position("AAPL")
    row = TradeAccumulator.objects.get()
    assert (row.symbol, row.net_position, row.stream_version, row.last_updated) == ("AAPL", 0, 0, EPOCH)

    steps.fill("BUY", "0.5")
    row = TradeAccumulator.objects.get()
    assert (row.net_position, row.stream_version, row.last_updated) == (Decimal("0.5"), 2, steps.now)


def test_a_symbol_is_locked_from_when_its_order_was_placed_until_that_ends(steps):
    placed = {}
    for token, symbol in (("tAAPL", "AAPL"), ("tTSLA", "TSLA")):
        steps.fill("BUY", "1", token)
        steps.hedge(symbol)
        placed[symbol] = steps.now
    assert locks() == placed

    steps.submit(1)
    assert locks() == placed

    steps.complete(1)
    assert locks() == {"TSLA": placed["TSLA"]}


def test_an_order_is_written_in_the_older_words_too(steps):
    steps.fill("BUY", "1")
    steps.submit(steps.hedge())
    steps.complete(1)

    row = OffchainTrade.objects.get()
    assert (row.id, row.order_id, row.broker_order_id, row.status) == (1, "B-1", "B-1", "FILLED")
    assert (row.unallocated_shares, row.unallocated_cause, row.stream_version) == (0, None, 4)


def test_a_fill_of_an_older_installation_was_taken_in_and_taken_back_when_that_one_says_it_was(steps):
    trade, taken_in, taken_back = TradeId(tx_hash("older"), 0), AT - timedelta(days=9), AT - timedelta(days=8)
    with steps.step() as step, step.group("migrate"):
        migrate = Migrate(
            symbol="AAPL",
            token_symbol="tAAPL",
            side=Side.BUY,
            amount=Decimal(1),
            price_usdc=None,
            block_timestamp=AT - timedelta(days=10),
            taken_in_at=taken_in,
        )
        step.handle(OnChainTrade, trade, migrate)
    assert OnchainTrade.objects.get().created_at == taken_in

    with steps.step() as step, step.group("migrate"):
        step.handle(OnChainTrade, trade, Reorg(block_hash="0x0", reorged_at=taken_back))

    row = OnchainTrade.objects.get()
    assert (row.created_at, row.reorged_at) == (taken_in, taken_back)


def test_a_position_that_another_process_has_made_since_it_was_looked_for_is_the_one_that_is_changed(
    steps, monkeypatch
):
    steps.fill("BUY", "0.5")
    looked = LegacyMemory._locked_positions
    looks = []

    def too_early(memory, ids):
        looks.append(ids)
        return {} if len(looks) == 1 else looked(memory, ids)

    monkeypatch.setattr(LegacyMemory, "_locked_positions", too_early)
    steps.fill("BUY", "0.25")

    assert TradeAccumulator.objects.get().net_position == Decimal("0.75")


def test_the_lock_of_a_symbol_that_somebody_took_away_is_not_put_back_by_what_becomes_of_another(steps):
    for token, symbol in (("tAAPL", "AAPL"), ("tTSLA", "TSLA")):
        steps.fill("BUY", "1", token)
        steps.hedge(symbol)
    SymbolLock.objects.filter(symbol="TSLA").delete()

    steps.submit(1)

    assert set(locks()) == {"AAPL"}
