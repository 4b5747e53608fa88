"""Onchain trade: witnessed once, enriched when more is known, taken back when its block is."""

from typing import ClassVar, Self, assert_never

import msgspec

from trading.onchain_trade.commands import Enrich, Migrate, OnChainTradeCommand, Reorg, Witness
from trading.onchain_trade.events import (
    Enriched,
    Filled,
    Gas,
    Migrated,
    OnChainTradeEvent,
    PythPrice,
    Reorged,
)
from trading.values.identifiers import TradeId
from trading.values.quantities import Shares


class OnChainTradeError(Exception):
    """The trade refuses the command; nothing happened."""


class NotFilled(OnChainTradeError):
    """There is no fill to add to or to take back."""


class AlreadyFilled(OnChainTradeError):
    """The fill is known. Seeing it again changes nothing."""


class NoAmount(OnChainTradeError):
    """A fill is of more than zero shares; its side says which way they went."""


class AlreadyEnriched(OnChainTradeError):
    """All that the command brings is known."""


class OtherBlock(OnChainTradeError):
    """The fill stands in another block than the one that went away."""


class OnChainTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One of our fills on chain, or the place where one stood before its block was reorged."""

    aggregate_type: ClassVar[str] = "OnChainTrade"
    state_schema: ClassVar[int] = 1

    trade: TradeId
    fill: Filled | Migrated | None = None
    gas: Gas | None = None
    pyth: PythPrice | None = None
    reorged: bool = False

    @classmethod
    def initial(cls, id: str) -> Self:
        return cls(trade=TradeId.parse(id))

    @property
    def stands(self) -> bool:
        """Whether the fill is known and part of the chain."""
        return self.fill is not None and not self.reorged

    def decide(self, command: OnChainTradeCommand) -> list[OnChainTradeEvent]:
        match command:
            case Witness():
                self._refuse_unless_fresh(command.amount)
                return [Filled(**msgspec.structs.asdict(command))]
            case Migrate():
                self._refuse_unless_fresh(command.amount)
                return [Migrated(**msgspec.structs.asdict(command))]
            case Enrich(gas=gas, pyth=pyth):
                return [self._enriched(gas, pyth)]
            case Reorg(block_hash=block_hash):
                return [self._reorged(block_hash)]
            case _:
                assert_never(command)

    def evolve(self, event: OnChainTradeEvent) -> Self:
        match event:
            case Filled():
                return type(self)(trade=self.trade, fill=event)
            case Migrated(gas=gas, pyth=pyth):
                # What was known besides lies in the state, so that an enriched fill is one thing, however it came.
                bare = msgspec.structs.replace(event, gas=None, pyth=None)
                return type(self)(trade=self.trade, fill=bare, gas=gas, pyth=pyth)
            case Enriched(gas=gas, pyth=pyth):
                return msgspec.structs.replace(self, gas=gas or self.gas, pyth=pyth or self.pyth)
            case Reorged():
                return msgspec.structs.replace(self, reorged=True)
            case _:
                assert_never(event)

    def _refuse_unless_fresh(self, amount: Shares) -> None:
        if self.stands:
            raise AlreadyFilled(f"trade {self.trade} is known")
        if amount <= 0:
            raise NoAmount(f"trade {self.trade} would be of {amount} shares")

    def _enriched(self, gas: Gas | None, pyth: PythPrice | None) -> Enriched:
        if not self.stands:
            raise NotFilled(f"trade {self.trade} can't be enriched: there is no fill that stands")
        news = Enriched(
            gas=gas if self.gas is None else None,
            pyth=pyth if self.pyth is None else None,
        )
        if news.gas is None and news.pyth is None:
            raise AlreadyEnriched(f"trade {self.trade} has all that was brought")
        return news

    def _reorged(self, block_hash: str) -> Reorged:
        if self.fill is None or self.reorged:
            raise NotFilled(f"trade {self.trade} can't be taken back: there is no fill that stands")
        if self.fill.block_hash is not None and self.fill.block_hash != block_hash:
            raise OtherBlock(
                f"trade {self.trade} stands in block {self.fill.block_hash}, not in {block_hash}, which went away"
            )
        return Reorged(block_number=self.fill.block_number, block_hash=block_hash)
