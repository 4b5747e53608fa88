"""Chain: fills of ours, and what a reorg took of them."""

from collections.abc import Sequence
from typing import Any

from config.desk.stories.entries import BAD, Entry, Rank, dollars, row_link, shares_of, stream_link
from config.desk.stories.paging import Place, rows_after
from config.read_side import ReadSide
from trading.onchain_trade.aggregate import OnChainTrade
from trading.values.arithmetic import plain
from trading.values.sides import Side

WORDS = {Side.BUY.value: "bought", Side.SELL.value: "sold"}


def fills(side: ReadSide, symbol: str, place: Place | None) -> Sequence[Entry]:
    """Fills of a symbol, as they were taken in; those that a reorg took later too."""
    rows = side.fills.filter(base_symbol=symbol)
    return [_fill(row, side) for row in rows_after(rows, place, at=side.taken_in_at, rank=Rank.FILL)]


def reorgs(side: ReadSide, symbol: str, place: Place | None) -> Sequence[Entry]:
    rows = side.fills.filter(base_symbol=symbol, reorged_at__isnull=False)
    return [_reorg(row) for row in rows_after(rows, place, at="reorged_at", rank=Rank.REORG)]


def made(row: Any) -> str:
    """What a fill was, as the end of a sentence: `bought 1.5 shares on chain at $200.25`."""
    told = f"{WORDS.get(row.side, row.side)} {shares_of(row.amount)} on chain"
    if row.price_usdc is None:
        return f"{told}, unpriced"
    return f"{told} at {dollars(row.price_usdc)}" + ("" if row.usdc_amount is None else f", {_usd(row)} in all")


def short_trade(row: Any) -> str:
    """A fill's place on chain, with the middle of the hash left out."""
    return f"{row.tx_hash[:10]}…{row.tx_hash[-4:]}:{row.log_index}"


def _usd(row: Any) -> str:
    return f"${plain(row.usdc_amount)}"


def _fill(row: Any, side: ReadSide) -> Entry:
    block = "" if row.block_number is None else f" in block {row.block_number}"
    oracle = "" if row.pyth_price is None else f" The oracle said {dollars(row.pyth_price)}."
    open_shares = f" No order covers {shares_of(row.unlinked_shares)} of it yet." if row.unlinked_shares else ""
    taken = " A reorg took it later." if row.reorged_at is not None else ""
    return Entry(
        at=getattr(row, side.taken_in_at),
        kind="fill",
        sentence=f"We {made(row)}{block}, transaction {row.tx_hash}, log {row.log_index}.{oracle}{open_shares}{taken}",
        links=(row_link(row, "fill"), stream_link(OnChainTrade.aggregate_type, row.trade)),
        rank=Rank.FILL,
        key=row.pk,
    )


def _reorg(row: Any) -> Entry:
    block = "the block" if row.block_number is None else f"block {row.block_number}"
    return Entry(
        at=row.reorged_at,
        kind="reorg",
        sentence=f"A reorg took {block}, and the fill in it: we had {made(row)}, transaction {row.tx_hash}.",
        links=(row_link(row, "fill"),),
        tone=BAD,
        rank=Rank.REORG,
        key=row.pk,
    )
