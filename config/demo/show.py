"""What the demo shows: positions, hedges, and what happens on chain, live on a terminal and as lines elsewhere."""

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Self

from django.utils import timezone
from rich.box import ASCII, ROUNDED, Box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from structlog.processors import format_exc_info

from config.demo.steps import Clear, Expected, ForeignPair, Outcome, Reorg, Several, Step, Stranger, Take
from config.logs import Redactor
from trading.ledger.memory import Memory
from trading.offchain_order.aggregate import OPEN, OffchainOrder, OrderState
from trading.position.aggregate import Position
from trading.values.arithmetic import cut, subtract
from trading.values.identifiers import OrderId
from trading.values.sides import Side

LOOK_EVERY_SECONDS = 0.25
TABLES_EVERY_SECONDS = 30
RECENT = timedelta(minutes=10)
NEWS_KEPT = 6
WIDTH_OF_LINES = 110
SHOWN_DIGITS = 4
# What stands on a terminal besides the hedges' rows: the frames, the headings, the news, the last line.
OTHER_ROWS = 16
LEAST_HEDGES, MOST_HEDGES = 3, 12
MOST_PRINTED = 50


class Screen:
    """Shows what the books say, as it changes. `memory` is the one that is read from."""

    def __init__(self, console: Console, memory: Callable[[], Memory], footer: str = "") -> None:
        self._console, self._memory, self._footer = console, memory, footer
        self._news: deque[str] = deque(maxlen=NEWS_KEPT)
        self._shown: dict[OrderId, OffchainOrder] = {}
        self._looked_at, self._tables_at = float("-inf"), time.monotonic()
        self._live = Live(console=console, auto_refresh=False) if is_live(console) else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            # What was live goes; the tables are printed once more, whole.
            self._live.update("", refresh=True)
            self._live.stop()

    def happened(self, step: Step, made: Sequence[Expected]) -> None:
        """Tell of a step of the market."""
        for line in told(step, made):
            self._news.append(f"{timezone.now():%H:%M:%S}  {line}")
            if self._live is None:
                self._line(f"chain  {line}")

    def acted(self, lines: Iterable[str]) -> None:
        """Tell what the operator does."""
        for line in lines:
            self._news.append(f"{timezone.now():%H:%M:%S}  operator {line}")
            if self._live is None:
                self._line(f"operator  {line}")

    def update(self) -> None:
        """Look into the books, if it is time."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
            return
        memory = self._memory()
        orders = recent_orders(memory)
        if self._live is None:
            for order in orders:
                self._tell(order)
            if time.monotonic() - self._tables_at > TABLES_EVERY_SECONDS:
                self.tables()
        else:
            self._live.update(self._picture(memory.positions(), orders), refresh=True)
        self._looked_at = time.monotonic()

    def tables(self) -> None:
        """Print both tables, with the newest hedges."""
        self._tables_at = time.monotonic()
        memory = self._memory()
        frame = frame_of(self._console)
        self._console.print(positions_table(memory.positions(), frame))
        self._console.print(hedges_table(recent_orders(memory)[-MOST_PRINTED:], frame))

    def _picture(self, positions: Sequence[Position], orders: Sequence[OffchainOrder]) -> RenderableType:
        room = self._console.size.height - OTHER_ROWS - len(positions)
        newest = orders[-min(max(room, LEAST_HEDGES), MOST_HEDGES) :]
        frame = frame_of(self._console)
        return Group(
            positions_table(positions, frame),
            hedges_table(newest, frame),
            Text("\n".join(self._news), style="dim", no_wrap=True, overflow="ellipsis"),
            Text(self._footer, style="bold", no_wrap=True, overflow="ellipsis"),
        )

    def _tell(self, order: OffchainOrder) -> None:
        before = self._shown.get(order.order_id)
        self._shown[order.order_id] = order
        if before is None or (before.state, before.filled_shares) != (order.state, order.filled_shares):
            self._line(f"hedge  {order.order_id}  {in_words(order)}")

    def _line(self, text: str) -> None:
        self._console.print(f"{timezone.now():%H:%M:%S}  {text}", markup=False, highlight=False, soft_wrap=True)


class WarningsOn(logging.Handler):
    """Writes what is logged above whatever the console shows, one line each; a traceback follows its line."""

    def __init__(self, console: Console, redactor: Redactor) -> None:
        super().__init__(logging.WARNING)
        self._console, self._redactor = console, redactor

    def emit(self, record: logging.LogRecord) -> None:
        fields = dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()}
        fields.setdefault("exc_info", record.exc_info)
        fields = dict(format_exc_info(None, "", fields))
        event, trace = fields.pop("event", ""), fields.pop("exception", "")
        facts = [f"{name.replace('_', ' ')} {value}" for name, value in fields.items() if name not in _ADDED]
        text = self._redactor.text(
            "\n".join(filter(None, [f"{event} ({', '.join(facts)})" if facts else event, trace]))
        )
        line = f"{timezone.now():%H:%M:%S}  {record.levelname.lower()}: {text}"
        line = _LONG_HEX.sub(r"\1…", line)
        self._console.print(Text(line, style="yellow" if record.levelno < logging.ERROR else "red"), soft_wrap=True)


# A hash can be told by its beginning; the admin has all of it.
_LONG_HEX = re.compile(r"(0x[0-9a-f]{8})[0-9a-f]{24,}")
_ADDED = {"level", "logger", "at", "exc_info"}


def is_live(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def frame_of(console: Console) -> Box:
    return ROUNDED if is_live(console) else ASCII


def recent_orders(memory: Memory) -> list[OffchainOrder]:
    """The orders under way and those that ended lately, by number."""
    orders = memory.orders(OPEN) + memory.recently_ended(since=timezone.now() - RECENT)
    # One that ended between the two questions is in both answers: the later one counts.
    return sorted({order.order_id: order for order in orders}.values(), key=lambda order: order.order_id)


# The tables.


def positions_table(positions: Iterable[Position], frame: Box) -> Table:
    table = Table(title="Positions", title_justify="left", box=frame)
    table.add_column("symbol", style="bold")
    for name in ("on chain", "at the broker", "net", "threshold", "last price", "open order"):
        table.add_column(name, justify="right", no_wrap=True)
    for position in positions:
        table.add_row(
            position.symbol,
            signed(subtract(position.onchain_bought, position.onchain_sold)),
            signed(subtract(position.broker_bought, position.broker_sold)),
            Text(signed(position.net), style="bold"),
            "" if position.threshold is None else str(position.threshold),
            "" if position.last_price is None else dollars(position.last_price.price_usdc),
            _pending(position),
        )
    return table


def hedges_table(orders: Iterable[OffchainOrder], frame: Box) -> Table:
    table = Table(title="Hedges", title_justify="left", box=frame)
    table.add_column("order", justify="right")
    table.add_column("placed")
    table.add_column("symbol", style="bold")
    table.add_column("side")
    for name in ("shares", "filled", "price"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state")
    for order in orders:
        table.add_row(
            str(order.order_id),
            clock_time(order.placed_at),
            order.symbol,
            Text(order.side.lower(), style="green" if order.side is Side.BUY else "red"),
            amount(order.requested_shares),
            amount(order.filled_shares),
            "" if order.average_price_usd is None else dollars(order.average_price_usd),
            Text(words(order.state), style=_STYLES.get(order.state, "yellow")),
        )
    return table


_STYLES = {OrderState.FILLED: "green", OrderState.FAILED: "red", OrderState.REJECTED: "red"}


def _pending(position: Position) -> str:
    pending = position.pending
    return "" if pending is None else f"{pending.order_id}: {pending.side.lower()} {amount(pending.shares)}"


# Words and numbers. A number is cut for the eye, and says so; the books keep every digit.


def told(step: Step, made: Sequence[Expected]) -> list[str]:
    """Tell of a step in a line or two, from our side where it is ours."""
    match step:
        case Reorg():
            gone = sum(one.outcome is Outcome.VANISHED for one in made)
            return [f"reorganised: {gone} fill gone, {len(made) - gone} back in other blocks"]
        case Several():
            return [f"{len(made)} in one transaction", *(f"  {_traded(one)}" for one in made)]
        case Stranger():
            return [f"take among strangers: {_traded(made[0])}"]
        case ForeignPair():
            return [f"take for something other than USDC: {_traded(made[0])}"]
        case Clear():
            return [f"clear{'' if step.ours else ' among strangers'}: {_traded(made[0])}"]
        case Take():
            return [f"take: {_traded(made[0])}"]


def _traded(one: Expected) -> str:
    verb = "bought" if one.side is Side.BUY else "sold"
    known = one.usd and one.outcome is not Outcome.PARKED
    price = f" for {dollars(one.usd)}" if known else ", unpriced"
    return f"{verb} {amount(one.shares).strip()} {one.symbol}{price.rstrip()}"


def in_words(order: OffchainOrder) -> str:
    text = f"{order.side.lower()} {amount(order.requested_shares).strip()} {order.symbol}: {words(order.state)}"
    if order.filled_shares and order.filled_shares != order.requested_shares:
        text += f", {amount(order.filled_shares).strip()} filled"
    price = "" if order.average_price_usd is None else f" at {dollars(order.average_price_usd).strip()}"
    return text + price


def words(state: OrderState) -> str:
    return state.value.replace("_", " ")


def amount(value: Decimal, sign: str = "") -> str:
    short = cut(value, digits=SHOWN_DIGITS)
    return f"{short:{sign}.{SHOWN_DIGITS}f}{' ' if short == value else '…'}"


def signed(value: Decimal) -> str:
    return amount(value, sign="+") if value else amount(value)


def dollars(value: Decimal) -> str:
    short = cut(value, digits=2)
    return f"${short:,.2f}{' ' if short == value else '…'}"


def clock_time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%H:%M:%S}"
