"""An aggregate to try the event store with: an account, which knows nothing of trading."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, NewType, Self, assert_never

import msgspec

from eventstore.aggregates import register_aggregate
from eventstore.events import Event, event
from eventstore.snapshots import register_snapshots
from eventstore.store import Draft, Metadata

AT = datetime(2025, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)
METADATA = Metadata(actor="tests", correlation="a test")

Coins = NewType("Coins", Decimal)


class Kind(StrEnum):
    CASH = "CASH"
    CARD = "CARD"


class Free(msgspec.Struct, frozen=True, kw_only=True, tag="free"):
    reason: str


class Charged(msgspec.Struct, frozen=True, kw_only=True, tag="charged"):
    fee: Coins


@event("AccountEvent::Opened", schema=1)
class Opened(Event):
    """An account came to be."""

    limit: Coins
    opened_at: datetime


@event("AccountEvent::Deposited", schema=1)
class Deposited(Event):
    """Coins came in."""

    amount: Coins


@event("AccountEvent::Withdrawn", schema=1)
class Withdrawn(Event):
    """Coins went out."""

    amount: Coins
    kind: Kind = Kind.CASH


AccountEvent = Opened | Deposited | Withdrawn


class Open(msgspec.Struct, frozen=True):
    limit: Coins
    opened_at: datetime = AT


class Deposit(msgspec.Struct, frozen=True):
    amount: Coins


class Withdraw(msgspec.Struct, frozen=True):
    amount: Coins


class NotOpen(Exception):
    """There is no such account."""


class OverTheLimit(Exception):
    """So much may not go out."""

    def __init__(self, amount: Coins, balance: Coins) -> None:
        super().__init__(f"{amount} of {balance}")
        self.amount, self.balance = amount, balance


@register_snapshots
@register_aggregate
class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Coins of one owner."""

    aggregate_type: ClassVar[str] = "Account"
    state_schema: ClassVar[int] = 1
    derived: ClassVar[tuple[str, ...]] = ("available",)

    id: str
    limit: Coins | None = None
    balance: Coins = Coins(Decimal(0))
    movements: int = 0

    @property
    def available(self) -> Coins | None:
        """What may go out, at most."""
        return None if self.limit is None else Coins(self.balance + self.limit)

    @classmethod
    def initial(cls, id: str) -> Self:
        return cls(id=id)

    def decide(self, command: Open | Deposit | Withdraw) -> list[AccountEvent]:
        match command:
            case Open(limit=limit, opened_at=opened_at):
                return [] if self.limit == limit else [Opened(limit=limit, opened_at=opened_at)]
            case _ if self.limit is None:
                raise NotOpen(self.id)
            case Deposit(amount=amount):
                return [Deposited(amount=amount)]
            case Withdraw(amount=amount):
                if amount > self.balance + self.limit:
                    raise OverTheLimit(amount, self.balance)
                return [Withdrawn(amount=amount)]
            case _:
                assert_never(command)

    def evolve(self, event: AccountEvent) -> Self:
        match event:
            case Opened(limit=limit):
                return msgspec.structs.replace(self, limit=limit)
            case Deposited(amount=amount):
                return self._moved(amount)
            case Withdrawn(amount=amount):
                return self._moved(Coins(-amount))
            case _:
                assert_never(event)

    def _moved(self, amount: Coins) -> Self:
        return msgspec.structs.replace(self, balance=self.balance + amount, movements=self.movements + 1)


def coins(text: str | int) -> Coins:
    return Coins(Decimal(text))


def deposits(identity: str, *versions: int, amount: str = "1.5") -> list[Draft]:
    """Draft a deposit at each of these versions of an account."""
    return [Draft("Account", identity, version, Deposited(amount=coins(amount)), METADATA) for version in versions]
