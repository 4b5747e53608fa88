"""What the event store's benchmarks store: one event of 357 bytes of JSON, and a state that is folded from many."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

import msgspec

from eventstore.events import Event, event
from eventstore.recorded import Metadata

AT = datetime(2026, 3, 2, 15, 0, 0, 250_000, tzinfo=UTC)
CAUSE = Metadata(actor="processor", correlation="0x8d4f:7")
NAME = "BenchmarkEvent::Filled"


@event(NAME)
class Filled(Event):
    """A fill as large as the ones of the order book."""

    trade: str
    symbol: str
    token_symbol: str
    side: str
    amount: Decimal
    price_usdc: Decimal
    block_number: int
    block_hash: str
    block_timestamp: datetime
    amount_raw: str


def filled(number: int) -> Filled:
    return Filled(
        trade=f"0x{number:064x}:{number % 97}",
        symbol="AAPL",
        token_symbol="tAAPL",  # noqa: S106  # no secret
        side="BUY" if number % 3 else "SELL",
        amount=Decimal(number % 1000 + 1) / 1000,
        price_usdc=Decimal("187.25"),
        block_number=34_000_000 + number,
        block_hash=f"0x{number * 7:064x}",
        block_timestamp=AT,
        amount_raw=str(number * 10**15),
    )


class Book(msgspec.Struct, frozen=True):
    """The net of all fills."""

    aggregate_type: ClassVar[str] = "Benchmark"
    state_schema: ClassVar[int] = 1

    id: str
    net: Decimal = Decimal(0)
    fills: int = 0

    @classmethod
    def initial(cls, aggregate_id: str) -> Self:
        return cls(aggregate_id)

    def decide(self, command: Any) -> list[Event]:
        return [command]

    def evolve(self, event: Filled) -> "Book":
        signed = event.amount if event.side == "BUY" else -event.amount
        return Book(self.id, self.net + signed, self.fills + 1)


class Kept(Book):
    """The same, of which snapshots are taken."""

    aggregate_type: ClassVar[str] = "BenchmarkKept"


def folded(net: Decimal, data: str) -> Decimal:
    """What a program without an event store would do with a row."""
    read = json.loads(data)
    amount = Decimal(read["amount"])
    return net + amount if read["side"] == "BUY" else net - amount
