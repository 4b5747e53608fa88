"""Onchain trade: witnessed once, enriched when more is known, taken back when its block is."""

from typing import ClassVar, Self, assert_never

import msgspec

from trading.onchain_trade.commands import Enrich, Migrate, OnChainTradeCommand, Reorg, SetOpenShares, Witness
from trading.onchain_trade.events import (
    Enriched,
    Filled,
    Gas,
    Migrated,
    OnChainTradeEvent,
    OpenSharesSet,
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


class WrongOpenShares(OnChainTradeError):
    """More shares would be open than there are, or fewer than none."""


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
                if command.unlinked_shares is not None:
                    self._refuse_open_shares(command.unlinked_shares, command.amount)
                return [Migrated(**msgspec.structs.asdict(command))]
            case Enrich(gas=gas, pyth=pyth):
                return [self._enriched(gas, pyth)]
            case Reorg():
                return [self._reorged(command)]
            case SetOpenShares(unlinked_shares=unlinked):
                if self.fill is None or self.reorged:
                    raise NotFilled(f"trade {self.trade} has no fill that stands, so it has no open shares")
                self._refuse_open_shares(unlinked, self.fill.amount)
                return [OpenSharesSet(unlinked_shares=unlinked)]
            case _:
                assert_never(command)

    def evolve(self, event: OnChainTradeEvent) -> Self:
        match event:
            case Filled():
                return type(self)(trade=self.trade, fill=event)
            case Migrated(gas=gas, pyth=pyth):
                # What was known besides lies in the state, so that an enriched fill is one thing, however it came; what
                # links leave open, and when it was taken in, is the rows' alone.
                bare = msgspec.structs.replace(event, gas=None, pyth=None, unlinked_shares=None, taken_in_at=None)
                return type(self)(trade=self.trade, fill=bare, gas=gas, pyth=pyth)
            case Enriched(gas=gas, pyth=pyth):
                return msgspec.structs.replace(self, gas=gas or self.gas, pyth=pyth or self.pyth)
            case Reorged():
                return msgspec.structs.replace(self, reorged=True)
            case OpenSharesSet():
                return self  # No rule of ours asks for it: the rows keep it.
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

    def _refuse_open_shares(self, unlinked: Shares, amount: Shares) -> None:
        if not 0 <= unlinked <= amount:
            raise WrongOpenShares(f"trade {self.trade}: expected from 0 to {amount} open shares, was {unlinked}")

    def _reorged(self, command: Reorg) -> Reorged:
        block_hash = command.block_hash
        if self.fill is None or self.reorged:
            raise NotFilled(f"trade {self.trade} can't be taken back: there is no fill that stands")
        if self.fill.block_hash is not None and self.fill.block_hash != block_hash:
            raise OtherBlock(
                f"trade {self.trade} stands in block {self.fill.block_hash}, not in {block_hash}, which went away"
            )
        return Reorged(block_number=self.fill.block_number, block_hash=block_hash, reorged_at=command.reorged_at)
