"""The enricher: gas from the receipt and the oracle's price from the trace, whichever comes, never in a hedge's way."""

from datetime import UTC, datetime, timedelta

import structlog

from trading.chain.feeds import feeds_of
from trading.chain.logs import MalformedLog
from trading.chain.node import MethodUnsupported, Node, NodeError, NodeUnavailable
from trading.chain.pyth import NoPythPrice, NotATrace, pyth_price
from trading.conductor.reversal import correlation_of
from trading.conductor.work import Enrichment, backoff
from trading.ledger.book import Ledger
from trading.onchain_trade.aggregate import AlreadyEnriched, NotFilled, OnChainTrade
from trading.onchain_trade.commands import Enrich
from trading.onchain_trade.events import Gas, PythPrice
from trading.values.identifiers import TradeId

log = structlog.get_logger(__name__)

BATCH = 20
TRIES = 6
LONGEST_WAIT = timedelta(minutes=10)
LARGEST_COLUMN = 2**63 - 1


class Enricher:
    """Asks the node about fills that lack gas or an oracle price."""

    name = "enricher"

    def __init__(self, *, node: Node, pyth: str, ledger: Ledger, batch: int = BATCH) -> None:
        self._node, self._pyth, self._ledger, self._batch = node, pyth.lower(), ledger, batch

    def run_once(self, *, now: datetime) -> bool:
        """Ask about the oldest fills that were not asked about, then about those that are due again."""
        trades = self.untried()
        if not trades:
            due = Enrichment.objects.filter(not_before__lte=now).order_by("not_before")[: self._batch]
            memory = self._ledger.memory()
            trades = [trade for row in due if (trade := memory.trade(row.trade)) is not None]
        for trade in trades:
            self._enrich(trade, now)
        return bool(trades)

    def untried(self) -> list[OnChainTrade]:
        """The oldest fills that were never asked about."""
        # Those that were asked about in vain stay without gas: as many more are read as there are of them.
        vain = set(Enrichment.objects.exclude(not_before=None, gas_note=None).values_list("id", flat=True))
        trades = self._ledger.memory().trades_without_gas(limit=self._batch + len(vain))
        return [trade for trade in trades if str(trade.trade) not in vain][: self._batch]

    def _enrich(self, trade: OnChainTrade, now: datetime) -> None:
        row = Enrichment.objects.filter(pk=str(trade.trade)).first() or Enrichment(id=str(trade.trade))
        row.tries += 1
        gas, row.gas_note, gas_later = self._gas(trade)
        pyth, row.pyth_note, pyth_later = self._price(trade)
        again = (gas_later or pyth_later) and row.tries < TRIES
        row.not_before = now + backoff(row.tries * 2, longest=LONGEST_WAIT) if again else None
        with self._ledger.step(at=now, actor="enricher") as step:
            step.load(trades=[trade.trade])
            known = step.trade(trade.trade)
            if not known.stands or _block_of(known) != _block_of(trade):
                # It went while the node was asked, and may have come back in another block: that is asked about anew.
                Enrichment.objects.filter(pk=row.pk).delete()
                return
            if gas is not None or pyth is not None:
                try:
                    with step.group(correlation_of(trade.trade)):
                        step.handle(OnChainTrade, trade.trade, Enrich(gas=gas, pyth=pyth))
                except (AlreadyEnriched, NotFilled) as error:
                    log.info("Nothing to enrich", trade=str(trade.trade), reason=str(error))
            row.save()

    def _gas(self, trade: OnChainTrade) -> tuple[Gas | None, str | None, bool]:
        if trade.gas is not None:
            return None, None, False
        try:
            receipt = self._node.receipt(trade.trade.tx_hash)
        except (NodeError, MalformedLog) as error:
            return None, f"{type(error).__name__}: {error}", True
        if receipt is None:
            return None, "the node has no receipt of the transaction", True
        if _block_of(trade) not in (None, receipt.block_hash):
            return None, f"the node has the transaction in another block, {receipt.block_hash}", True
        if receipt.gas_used > LARGEST_COLUMN:
            return None, f"the receipt names {receipt.gas_used} units of gas", False
        price = receipt.effective_gas_price
        return (
            Gas(gas_used=receipt.gas_used, effective_gas_price=None if (price or 0) > LARGEST_COLUMN else price),
            None,
            False,
        )

    def _price(self, trade: OnChainTrade) -> tuple[PythPrice | None, str | None, bool]:
        if trade.pyth is not None or trade.fill is None:
            return None, None, False
        feeds = feeds_of(trade.fill.symbol)
        if not feeds:
            return None, f"no feed of {trade.fill.symbol} is configured", False
        try:
            found = read_pyth(self._node, trade.trade, contract=self._pyth, feeds=feeds)
        except MethodUnsupported as error:
            return None, f"the node offers no traces: {error}", False
        except NodeError as error:
            return None, f"{type(error).__name__}: {error}", isinstance(error, NodeUnavailable)
        except NotATrace as error:
            return None, f"NotATrace: {error}", True
        except NoPythPrice as error:
            return None, f"{type(error).__name__}: {error}", False
        return found, None, False


def _block_of(trade: OnChainTrade) -> str | None:
    return None if trade.fill is None else trade.fill.block_hash


def read_pyth(node: Node, trade: TradeId, *, contract: str, feeds: tuple[str, ...]) -> PythPrice:
    """Read the oracle price that a transaction asked for. Raises NoPythPrice, NodeError."""
    found = pyth_price(node.trace(trade.tx_hash), contract=contract, feeds=feeds)
    return PythPrice(
        feed_id=found.feed_id,
        price=found.price,
        confidence=found.confidence,
        exponent=found.exponent,
        publish_time=datetime.fromtimestamp(found.publish_time, tz=UTC),
    )
