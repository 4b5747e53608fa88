"""The processor: from queued logs to onchain trades and exposure, many at a time, one commit.

Whatever a log turns out to be, it leaves the line: a fill, filtered, or parked with its reason. Only what the node
could not answer yet waits, by itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F

from eventstore.store import WrongExpectedVersion
from trading.chain.after_clear import pair
from trading.chain.decoder import AfterClear, Clear, Take, Undecodable, decode
from trading.chain.fills import NOT_OURS, ChainFill, Filtered, TokenFacts, concerns, fill_of, leg_of_clear, leg_of_take
from trading.chain.logs import Log, MalformedLog, UnusableLog
from trading.chain.node import AccessRefused, Node, NodeError, NodeUnavailable
from trading.chain.token_table import known_tokens, remember
from trading.chain.tokens import UnreadableToken, read_token
from trading.conductor.inbox import AnyLog, Outcome, QueuedLog, claim, oldest, settle
from trading.conductor.queued import log_of
from trading.conductor.reversal import correlation_of
from trading.conductor.work import ask_again, backoff
from trading.ledger.book import Ledger
from trading.ledger.mode import WrongMode
from trading.ledger.step import Step
from trading.notices.models import open_notice
from trading.onchain_trade.aggregate import AlreadyFilled, OnChainTrade
from trading.onchain_trade.commands import Witness
from trading.onchain_trade.events import Filled, Migrated
from trading.position.aggregate import Position
from trading.position.commands import AcknowledgeOnChainFill, Initialize
from trading.values.arithmetic import EXACT, subtract
from trading.values.identifiers import TradeId
from trading.values.quantities import Shares, Usd
from trading.values.symbols import TokenSymbol

log = structlog.get_logger(__name__)

# With so many a fill costs least (docs/benchmarks.md), and their commit holds its symbols for half a second at most.
BATCH = 2_000
TRIES_BEFORE_PARKING = 8
LONGEST_WAIT = timedelta(minutes=1)
# No log is to blame for these, so none is charged with a try.
STATION_TROUBLE = (DatabaseError, InterfaceError, WrongMode, WrongExpectedVersion)


class MissingAfterClear(Exception):
    """The node does not show the amounts of a clear yet: ask again, the contract always emits them."""


class Read(NamedTuple):
    """A queued log, and what it turned out to be: a fill, filtered, or parked with a reason."""

    row: AnyLog
    found: ChainFill | Filtered | UnusableLog


class Processor:
    """Turns queued logs of one owner's orders into trades and exposure."""

    name = "processor"

    def __init__(self, *, node: Node, owner: str, usdc: str, ledger: Ledger, batch: int = BATCH) -> None:
        self._node = node
        self._owner, self._usdc = owner.lower(), usdc.lower()
        self._ledger = ledger
        self._batch = batch
        self._tokens: dict[str, TokenFacts] | None = None

    def run_once(self, *, now: datetime) -> bool:
        """Process the oldest queued logs. Return whether there were any."""
        rows = oldest(limit=self._batch, now=now)
        if not rows:
            return False
        self.process(rows, now=now)
        return True

    def process(self, rows: Sequence[AnyLog], *, now: datetime) -> None:
        """Process these logs: read all of them, which may ask the node; then commit what they were."""
        reads = self._read_all(rows, now)
        if not reads:
            return
        try:
            self._commit(reads, now)
        except STATION_TROUBLE:
            raise  # The station's trouble, not a log's: all is as before, and is tried again.
        except Exception as error:  # noqa: BLE001  # one log of many is at fault: found out one by one
            log.warning("Batch failed, processing its logs one by one", logs=len(reads), error=repr(error))
            for read in reads:
                self._commit_alone(read, now)

    # Reading, outside any transaction

    def _read_all(self, rows: Sequence[AnyLog], now: datetime) -> list[Read]:
        reads = []
        for row in rows:
            try:
                reads.append(Read(row, self.read(row)))
            except (NodeUnavailable, AccessRefused):
                # It would say so of every other log too, and no log is to blame.
                if not reads:
                    raise
                break
            except (NodeError, MalformedLog, MissingAfterClear) as error:
                self._postpone(row, error, now)
        return reads

    def read(self, row: AnyLog) -> ChainFill | Filtered | UnusableLog:
        """Tell what a queued log is. Raises NodeError, MalformedLog, MissingAfterClear, for asking again later."""
        try:
            raw, after = log_of(row)
            event = decode(raw.topic0, raw.data)
            if isinstance(event, AfterClear):
                raise Undecodable("expected a clear or a take, found the amounts of a clear")
            if not concerns(event, self._owner):
                return NOT_OURS
            if isinstance(event, Take):
                leg = leg_of_take(event, self._owner)
            else:
                leg = leg_of_clear(event, self._amounts(event, raw, after), self._owner)
            return NOT_OURS if leg is None else fill_of(leg, tokens=self._token, usdc=self._usdc)
        except UnusableLog as error:
            return error
        except UnreadableToken as error:
            return UnusableLog(str(error))

    def _amounts(self, clear: Clear, raw: Log, after: Log | None) -> AfterClear:
        if after is None:
            after = self._ask_for_after_clear(raw)
        amounts = decode(after.topic0, after.data)
        if not isinstance(amounts, AfterClear):
            raise Undecodable(f"expected the amounts of a {clear.generation.name} clear, found another event")
        return amounts

    def _ask_for_after_clear(self, raw: Log) -> Log:
        """Look among the block's logs, then in the receipt: some nodes list the logs of old blocks in part only."""
        after, trouble = None, None
        try:
            after = pair(raw, self._node.logs_of_block(raw.block_hash, address=raw.address))
        except AccessRefused:
            raise
        except (NodeError, MalformedLog) as error:
            # A node that has let go of an old block says so, and may have the receipt all the same.
            trouble = error
        if after is None and (receipt := self._node.receipt(raw.tx_hash)) is not None:
            after = pair(raw, receipt.logs)
        if after is None:
            because = "" if trouble is None else f" ({type(trouble).__name__}: {trouble})"
            raise MissingAfterClear(f"the node shows no amounts of the clear {raw.tx_hash}:{raw.log_index}{because}")
        return after

    def _token(self, address: str) -> TokenFacts:
        if self._tokens is None:
            self._tokens = known_tokens()
        if address not in self._tokens:
            facts = read_token(self._node, address)
            remember(facts, block=None)
            self._tokens[address] = facts
        return self._tokens[address]

    # One commit

    def _commit(self, reads: Sequence[Read], now: datetime) -> None:
        """Trades witnessed, exposure absorbed, views written, logs marked: all or nothing."""
        with self._ledger.step(at=now, actor="processor") as step:
            claimed = claim([read.row for read in reads])
            mine = [read for read in reads if read.row.id in claimed]
            symbols = {read.found.symbol for read in mine if isinstance(read.found, ChainFill)}
            step.load(
                symbols=symbols,
                trades=[trade_of(read.row) for read in mine if isinstance(read.found, ChainFill)],
            )
            outcomes = {read.row.id: self._absorb(step, read) for read in mine}
            settle(outcomes, now=now)
            ask_again(symbols, now=now)
            for read in mine:
                outcome, reason = outcomes[read.row.id]
                if outcome is Outcome.PARKED:
                    self._tell_parked(read.row, reason or "", now)

    def _absorb(self, step: Step, read: Read) -> tuple[Outcome, str | None]:
        if isinstance(read.found, Filtered):
            return Outcome.FILTERED, read.found.reason
        if isinstance(read.found, UnusableLog):
            return Outcome.PARKED, f"{type(read.found).__name__}: {read.found}"
        return absorb(step, read.row, read.found)

    # What does not get on

    def _commit_alone(self, read: Read, now: datetime) -> None:
        try:
            self._commit([read], now)
        except STATION_TROUBLE:
            raise
        except Exception as error:
            log.exception("Log can't be processed", correlation=correlation_of(trade_of(read.row)), log=str(read.row))
            self._postpone(read.row, error, now)

    def _postpone(self, row: AnyLog, error: Exception, now: datetime) -> None:
        """Try a log again later, and the others meanwhile; after so many tries it is parked."""
        tries, reason = row.tries + 1, f"{type(error).__name__}: {error}"
        if tries >= TRIES_BEFORE_PARKING:
            self._park(row, f"failed {tries} times, at last with {reason}", now)
            return
        QueuedLog.objects.filter(id=row.id, processed=False).update(
            tries=F("tries") + 1, reason=reason, not_before=now + backoff(tries, longest=LONGEST_WAIT)
        )

    def _park(self, row: AnyLog, reason: str, now: datetime) -> None:
        with transaction.atomic(durable=True):
            if claim([row]):
                settle({row.id: (Outcome.PARKED, reason)}, now=now)
                self._tell_parked(row, reason, now)

    def _tell_parked(self, row: AnyLog, reason: str, now: datetime) -> None:
        """Tell the operator, in the commit that parks the log: no crash leaves a parked log without a word."""
        log.error(
            "Log parked", correlation=correlation_of(trade_of(row)), log=str(row), block=row.block_number, reason=reason
        )
        open_notice(
            "parked_log",
            str(row),
            f"{reason}. If it is a fill of ours, exposure is missing: mend the cause, "
            f"then `manage.py process_tx {row.tx_hash}`",
            at=now,
        )


def trade_of(row: AnyLog) -> TradeId:
    return TradeId(row.tx_hash, row.log_index)


def absorb(step: Step, row: AnyLog, fill: ChainFill) -> tuple[Outcome, str | None]:
    """Witness a fill and count it, as one group; a fill that is known already changes nothing."""
    trade = trade_of(row)
    if row.block_hash is None or row.block_timestamp is None:
        raise ValueError(f"log {row} has no block hash or no block time")
    try:
        with step.group(correlation_of(trade)):
            step.handle(
                OnChainTrade,
                trade,
                Witness(
                    symbol=fill.symbol,
                    token_symbol=TokenSymbol(fill.token_symbol),
                    side=fill.side,
                    amount=Shares(fill.shares),
                    usdc=Usd(fill.usd),
                    price_usdc=None if fill.price is None else Usd(fill.price),
                    amount_raw=fill.shares_raw,
                    usdc_raw=fill.usd_raw,
                    block_number=row.block_number,
                    block_hash=row.block_hash,
                    block_timestamp=row.block_timestamp,
                ),
            )
            if step.position(fill.symbol).threshold is None:
                step.handle(Position, fill.symbol, Initialize(threshold=step.default_threshold))
            step.handle(
                Position,
                fill.symbol,
                AcknowledgeOnChainFill(
                    trade=trade,
                    side=fill.side,
                    amount=Shares(fill.shares),
                    price_usdc=None if fill.price is None else Usd(fill.price),
                    block_number=row.block_number,
                    block_timestamp=row.block_timestamp,
                ),
            )
    except AlreadyFilled:
        return _seen_before(step.trade(trade), row, fill)
    return Outcome.FILL, None


def _same_amount(stored: Filled | Migrated, fill: ChainFill) -> bool:
    if stored.amount_raw is not None:
        return stored.amount == fill.shares
    # It was migrated from a double, which keeps fifteen digits of what the chain has.
    return subtract(stored.amount, fill.shares).copy_abs() <= fill.shares.scaleb(-14, EXACT)


def _seen_before(known: OnChainTrade, row: AnyLog, fill: ChainFill) -> tuple[Outcome, str | None]:
    """The same fill again is the same fill; another one under its name is for an operator."""
    stored = known.fill
    same = (
        stored is not None
        and stored.side is fill.side
        and _same_amount(stored, fill)
        and stored.block_hash in (None, row.block_hash)
    )
    if same:
        return Outcome.FILL, "known already"
    return Outcome.PARKED, f"expected the fill that is known under {row}, which is another: {stored}"
