"""Foreign rows: an older installation's tables, in whichever of their shapes, as typed rows; the others are named."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from trading.cutover.findings import BadRow
from trading.cutover.foreign_file import LARGEST, BadCell, Cells, ForeignFile, NotReadable
from trading.onchain_trade.events import Gas, PythPrice
from trading.values.arithmetic import EXACT
from trading.values.identifiers import NotAnIdentifier, TradeId, tx_hash
from trading.values.sides import Side
from trading.values.symbols import LONGEST_SYMBOL, NotATokenisedEquity, Symbol, TokenSymbol, base_symbol

BROKERS = ("schwab", "alpaca", "dry_run")
STATUSES = ("PENDING", "SUBMITTED", "FILLED", "FAILED")
IN_PROGRESS = ("PENDING", "SUBMITTED")

TRADES, POSITIONS, LINKS, QUEUE = "onchain_trades", "trade_accumulators", "trade_execution_links", "event_queue"
ORDERS = ("offchain_trades", "schwab_executions")

T = TypeVar("T")


class ForeignTrade(NamedTuple):
    cells: Cells
    id: int
    trade: TradeId
    token: TokenSymbol
    symbol: Symbol
    side: Side
    amount: Decimal
    price: Decimal | None
    block_number: int | None
    block_timestamp: datetime | None
    created_at: datetime | None
    gas: Gas | None
    pyth: PythPrice | None


class ForeignOrder(NamedTuple):
    cells: Cells
    id: int
    symbol: Symbol
    side: Side
    shares: Decimal
    broker: str
    status: str
    broker_order_id: str | None
    price: Decimal | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.status in IN_PROGRESS


class ForeignPosition(NamedTuple):
    cells: Cells
    symbol: Symbol
    long: Decimal
    short: Decimal
    stale_net: Decimal | None
    pending: int | None
    last_updated: datetime


class ForeignLink(NamedTuple):
    cells: Cells
    trade: int
    order: int
    shares: Decimal
    created_at: datetime


class QueuedBlock(NamedTuple):
    """Where a queued log stands in the chain, and whether it was done with."""

    number: int
    timestamp: datetime | None
    processed: bool


@dataclass
class ForeignRows:
    """All that was understood of a file, and what was not."""

    trades: list[ForeignTrade] = field(default_factory=list)
    orders: list[ForeignOrder] = field(default_factory=list)
    positions: list[ForeignPosition] = field(default_factory=list)
    links: list[ForeignLink] = field(default_factory=list)
    queue: dict[TradeId, QueuedBlock] = field(default_factory=dict)
    has_links: bool = True
    bad: list[BadRow] = field(default_factory=list)


def read(file: ForeignFile, *, broker: str | None) -> ForeignRows:
    """Read every row of the tables that there are. Raises NotReadable.

    `broker` is whose the orders are that name none; the table that is called after Schwab names none.
    """
    orders = [table for table in ORDERS if file.has(table)]
    if not file.has(TRADES) or not file.has(POSITIONS) or len(orders) != 1:
        raise NotReadable(
            f"expected the tables {TRADES}, {POSITIONS} and one of {' and '.join(ORDERS)}; "
            f"found {', '.join(filter(file.has, (TRADES, POSITIONS, *ORDERS))) or 'none of them'}"
        )
    (table,) = orders
    file.require(TRADES, "id", "tx_hash", "log_index", "symbol", "amount", "direction", "price_usdc")
    file.require(table, "id", "symbol", "shares", "direction", "status", "price_cents", "executed_at")
    file.require(POSITIONS, "symbol", "accumulated_long", "accumulated_short", "last_updated")
    if "broker" not in file.columns(table):
        broker = broker or ("schwab" if table == "schwab_executions" else None)
        if broker is None:
            raise NotReadable(
                f"expected to be told whose the orders in {table} are, since they don't say: --broker NAME"
            )

    found = ForeignRows(has_links=file.has(LINKS))
    if file.has(QUEUE):
        file.require(QUEUE, "id", "tx_hash", "log_index", "block_number", "processed")
        found.queue = dict(_each(file.rows(QUEUE), _queued, found.bad))
    found.trades = list(_each(file.rows(TRADES), lambda cells: _trade(cells, found.queue), found.bad))
    found.orders = list(_each(file.rows(table), lambda cells: _order(cells, broker), found.bad))
    found.positions = list(_each(file.rows(POSITIONS, key="symbol"), _position, found.bad))
    if found.has_links:
        file.require(LINKS, "id", "trade_id", "execution_id", "contributed_shares", "created_at")
        found.links = list(_each(file.rows(LINKS), _link, found.bad))
    return found


def _each(rows: Iterable[Cells], read: Callable[[Cells], T], bad: list[BadRow]) -> Iterable[T]:
    for cells in rows:
        try:
            yield read(cells)
        except BadCell as refused:
            bad.append(refused.bad)


def _queued(cells: Cells) -> tuple[TradeId, QueuedBlock]:
    timestamp = cells.time("block_timestamp") if cells.has("block_timestamp") else None
    return _place(cells), QueuedBlock(cells.whole("block_number"), timestamp, bool(cells.whole("processed")))


def _trade(cells: Cells, queue: dict[TradeId, QueuedBlock]) -> ForeignTrade:
    token = cells.text("symbol", longest=64)
    try:
        symbol = base_symbol(token)
    except NotATokenisedEquity as error:
        cells.refuse("symbol", str(error))
    place = _place(cells)
    queued = queue.get(place)
    timestamp = cells.time("block_timestamp") if cells.has("block_timestamp") else None
    return ForeignTrade(
        cells=cells,
        id=cells.whole("id"),
        trade=place,
        token=TokenSymbol(token),
        symbol=symbol,
        side=Side(cells.one_of("direction", tuple(Side))),
        amount=cells.above_zero("amount"),
        price=cells.above_zero("price_usdc") if cells.has("price_usdc") else None,
        block_number=queued.number if queued else None,
        block_timestamp=timestamp or (queued.timestamp if queued else None),
        created_at=cells.time("created_at") if cells.has("created_at") else None,
        gas=_gas(cells),
        pyth=_pyth(cells),
    )


def _place(cells: Cells) -> TradeId:
    try:
        return TradeId(tx_hash(cells.text("tx_hash")), cells.whole("log_index"))
    except NotAnIdentifier as error:
        cells.refuse("tx_hash", str(error))


def _gas(cells: Cells) -> Gas | None:
    used = cells.whole("gas_used") if cells.has("gas_used") else None
    price = cells.whole("effective_gas_price") if cells.has("effective_gas_price") else None
    if used is None:
        if price is not None:
            cells.refuse("effective_gas_price", "expected the gas used beside it, found none")
        return None
    return Gas(gas_used=used, effective_gas_price=price)


def _pyth(cells: Cells) -> PythPrice | None:
    columns = ("pyth_price", "pyth_confidence", "pyth_exponent", "pyth_publish_time")
    told = [column for column in columns if cells.has(column)]
    if not told:
        return None
    if len(told) < len(columns):
        cells.refuse(told[0], f"expected all of {', '.join(columns)}, or none of them")
    exponent = cells.whole("pyth_exponent", least=-LARGEST)
    if abs(exponent) > 1000:
        cells.refuse("pyth_exponent", "expected a power of ten")
    return PythPrice(
        price=cells.number("pyth_price"),
        confidence=cells.zero_or_more("pyth_confidence"),
        exponent=exponent,
        publish_time=cells.time("pyth_publish_time"),
    )


def _order(cells: Cells, broker: str | None) -> ForeignOrder:
    status = cells.one_of("status", STATUSES)
    # The newer column was added and never written by some versions: whichever says something.
    named = {cells.text(name): name for name in ("broker_order_id", "order_id") if cells.has(name)}
    if len(named) > 1:
        cells.refuse("order_id", f"expected one id of the broker's, found {' and '.join(named)}")
    theirs = next(iter(named), None)
    ended = cells.time("executed_at") if cells.has("executed_at") else None
    if theirs is None and status in ("SUBMITTED", "FILLED"):
        cells.refuse("order_id", f"expected the broker's id of an order that is {status}")
    if (ended is None) is not (status in IN_PROGRESS):
        expected = "no time of an end" if status in IN_PROGRESS else "the time of its end"
        cells.refuse("executed_at", f"expected {expected} for an order that is {status}")
    cents = cells.zero_or_more("price_cents") if cells.has("price_cents") else None
    return ForeignOrder(
        cells=cells,
        id=cells.whole("id", least=1),
        symbol=_symbol(cells),
        side=Side(cells.one_of("direction", tuple(Side))),
        shares=cells.above_zero("shares"),
        broker=cells.one_of("broker", BROKERS) if cells.has("broker") or broker is None else broker,
        status=status,
        broker_order_id=theirs,
        price=None if cents is None else cents.scaleb(-2, EXACT),
        ended_at=ended,
    )


def _position(cells: Cells) -> ForeignPosition:
    return ForeignPosition(
        cells=cells,
        symbol=_symbol(cells),
        long=cells.zero_or_more("accumulated_long"),
        short=cells.zero_or_more("accumulated_short"),
        stale_net=cells.number("net_position") if cells.has("net_position") else None,
        pending=cells.whole("pending_execution_id") if cells.has("pending_execution_id") else None,
        last_updated=cells.time("last_updated"),
    )


def _link(cells: Cells) -> ForeignLink:
    return ForeignLink(
        cells=cells,
        trade=cells.whole("trade_id"),
        order=cells.whole("execution_id"),
        shares=cells.above_zero("contributed_shares"),
        created_at=cells.time("created_at"),
    )


def _symbol(cells: Cells) -> Symbol:
    text = cells.text("symbol", longest=LONGEST_SYMBOL)
    if not text.isascii() or not text.isprintable() or " " in text:
        cells.refuse("symbol", "expected a stock symbol such as AAPL or BRK.B")
    return Symbol(text)
