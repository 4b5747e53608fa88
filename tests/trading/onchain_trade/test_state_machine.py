"""Any sequence of commands to an onchain trade, beside the few facts that can be known of one."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.support.machines import AggregateMachine, play
from tests.trading.ledger.states import AMOUNTS, SIDES, TIMES
from trading.onchain_trade import aggregate as refusals
from trading.onchain_trade.aggregate import OnChainTrade, OnChainTradeError
from trading.onchain_trade.commands import Enrich, Migrate, Reorg, SetOpenShares, Witness
from trading.onchain_trade.events import Gas, PythPrice
from trading.values.sides import Side

ANY_SHARES = AMOUNTS | st.sampled_from(["1", "2.5", "0", "-1"]).map(Decimal)
BLOCKS = st.sampled_from(["0x" + "a" * 64, "0x" + "b" * 64])
GAS = st.none() | st.builds(Gas, gas_used=st.integers(21_000, 21_003))
PYTH = st.none() | st.builds(
    PythPrice,
    price=AMOUNTS,
    confidence=st.just(Decimal("0.0015")),
    exponent=st.just(-8),
    publish_time=TIMES,
)


class TradeMachine(AggregateMachine):
    aggregate, refusals, id = OnChainTrade, OnChainTradeError, "0x" + "1" * 64 + ":7"
    has_snapshots = False

    def __init__(self) -> None:
        super().__init__()
        self.fill: tuple[Side, Decimal, str | None] | None = None
        self.gas: Gas | None = None
        self.pyth: PythPrice | None = None
        self.is_gone = False

    @property
    def stands(self) -> bool:
        return self.fill is not None and not self.is_gone

    def new_is_refused(self, amount: Decimal) -> type[Exception] | None:
        if self.stands:
            return refusals.AlreadyFilled
        return None if amount > 0 else refusals.NoAmount

    @rule(side=SIDES, amount=ANY_SHARES, block=BLOCKS, at=TIMES)
    def witness(self, side: Side, amount: Decimal, block: str, at: Any) -> None:
        command = Witness(
            symbol="AAPL",
            token_symbol="tAAPL",
            side=side,
            amount=amount,
            usdc=Decimal(100),
            price_usdc=None,
            amount_raw="1",
            usdc_raw="1",
            block_number=100,
            block_hash=block,
            block_timestamp=at,
        )
        if self.tell(command, self.new_is_refused(amount)):
            # What was known of the fill that stood here before went with it.
            self.fill, self.gas, self.pyth, self.is_gone = (side, amount, block), None, None, False

    @rule(side=SIDES, amount=ANY_SHARES, block=st.none() | BLOCKS, gas=GAS, pyth=PYTH, unlinked=st.none() | ANY_SHARES,
          at=TIMES)  # fmt: skip
    def migrate(self, side: Side, amount: Decimal, block: str | None, gas: Any, pyth: Any, unlinked: Decimal | None,
                at: Any) -> None:  # fmt: skip
        refusal = self.new_is_refused(amount)
        if refusal is None and unlinked is not None and not 0 <= unlinked <= amount:
            refusal = refusals.WrongOpenShares
        command = Migrate(
            symbol="AAPL",
            token_symbol="tAAPL",
            side=side,
            amount=amount,
            price_usdc=None,
            block_timestamp=at,
            block_hash=block,
            gas=gas,
            pyth=pyth,
            unlinked_shares=unlinked,
            taken_in_at=at,
        )
        if self.tell(command, refusal):
            self.fill, self.gas, self.pyth, self.is_gone = (side, amount, block), gas, pyth, False

    @rule(gas=GAS, pyth=PYTH)
    def enrich(self, gas: Gas | None, pyth: PythPrice | None) -> None:
        news = [gas is not None and self.gas is None, pyth is not None and self.pyth is None]
        refusal: type[Exception] | None = None
        if not self.stands:
            refusal = refusals.NotFilled
        elif not any(news):
            refusal = refusals.AlreadyEnriched
        if self.tell(Enrich(gas=gas, pyth=pyth), refusal):
            # What was known first stays.
            self.gas, self.pyth = gas if news[0] else self.gas, pyth if news[1] else self.pyth

    @rule(block=BLOCKS, at=TIMES)
    def reorg(self, block: str, at: Any) -> None:
        refusal: type[Exception] | None = None
        if self.fill is None or self.is_gone:
            refusal = refusals.NotFilled
        elif self.fill[2] not in (None, block):
            refusal = refusals.OtherBlock
        if self.tell(Reorg(block_hash=block, reorged_at=at), refusal):
            self.is_gone = True

    @rule(unlinked=ANY_SHARES)
    def count_open_shares(self, unlinked: Decimal) -> None:
        refusal: type[Exception] | None = None
        if self.fill is None or self.is_gone:
            refusal = refusals.NotFilled
        elif not 0 <= unlinked <= self.fill[1]:
            refusal = refusals.WrongOpenShares
        self.tell(SetOpenShares(unlinked_shares=unlinked), refusal)

    @invariant()
    def the_trade_is_what_is_known_of_it(self) -> None:
        fill = self.kept.fill
        assert self.fill == (None if fill is None else (fill.side, fill.amount, fill.block_hash))
        assert (self.kept.gas, self.kept.pyth, self.kept.reorged) == (self.gas, self.pyth, self.is_gone)
        assert self.kept.stands == self.stands


def test_any_commands_to_a_trade_end_in_what_is_known_of_it():
    play(TradeMachine, stories=60, steps=30)
