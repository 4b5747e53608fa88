"""Outstanding: what is left between the chain's head and every order's end, in words."""

from datetime import datetime
from typing import NamedTuple

from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.enricher import Enricher
from trading.conductor.hedger import Hedger
from trading.conductor.inbox import unprocessed
from trading.conductor.work import waits
from trading.ledger.book import Ledger
from trading.offchain_order.aggregate import OPEN
from trading.risk.rules import Rule
from trading.values.arithmetic import plain


class Outstanding(NamedTuple):
    """What is left to do; `stuck` is that part of it which nothing but an operator will move."""

    left: list[str]
    stuck: list[str]


def outstanding(
    *, ledger: Ledger, hedger: Hedger, enricher: Enricher | None, orderbook: str, head: int, now: datetime
) -> Outstanding:
    """Tell what keeps the books from being done with everything up to a block."""
    left = _chain(orderbook, head)
    if waiting := unprocessed():
        left.append(f"{waiting} logs are not processed")
    hedges, stuck = _hedges(hedger, now)
    left += hedges
    for order in ledger.memory().orders(OPEN):
        left.append(
            f"order {order.order_id} ({order.side} {plain(order.requested_shares)} {order.symbol}) is {order.state}"
        )
    if enricher is not None and not left and not stuck and enricher.untried():
        left.append("fills whose gas was not asked for yet")
    return Outstanding(left, stuck)


def _chain(orderbook: str, head: int) -> list[str]:
    checkpoint = ChainCheckpoint.objects.filter(orderbook=orderbook).first()
    if checkpoint is None:
        return [f"no block was read, up to {head} there are"]
    if checkpoint.reread_from is not None:
        return [f"blocks {checkpoint.reread_from} to {checkpoint.next_block - 1} are read again after a reorg"]
    if checkpoint.next_block <= head:
        return [f"blocks {checkpoint.next_block} to {head} are not read"]
    return []


def _hedges(hedger: Hedger, now: datetime) -> tuple[list[str], list[str]]:
    left, stuck = [], []
    waiting = waits()
    denials = {denial.symbol: denial for denial in hedger.denials()}
    for position in hedger.wanting():
        text = f"{position.symbol} is past its threshold with a net of {plain(position.net)}"
        wait = waiting.get(position.symbol)
        if wait is not None and wait.halted_at is not None:
            stuck.append(f"{text}, and halted: {wait.reason}")
        elif wait is not None and wait.not_before > now:
            left.append(f"{text}, and waits until {wait.not_before:%H:%M:%S}: {wait.reason}")
        elif (denial := denials.get(position.symbol)) is not None:
            told = stuck if Rule(denial.rule).needs_an_operator else left
            told.append(f"{text}, and denied ({denial.rule}): {denial.text}")
        else:
            left.append(text)
    return left, stuck
