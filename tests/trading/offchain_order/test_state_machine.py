"""Any sequence of commands to an offchain order, beside a card on which somebody writes what is known of it."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.support.machines import AggregateMachine, play
from tests.trading.ledger.states import AMOUNTS, SIDES, TIMES
from trading.offchain_order import aggregate as refusals
from trading.offchain_order.aggregate import OffchainOrder, OrderError
from trading.offchain_order.commands import (
    Cancel,
    CompleteFill,
    ConfirmSubmission,
    MarkFailed,
    MarkUnknown,
    Migrate,
    Place,
    RecordLateFill,
    Relink,
    StartSubmission,
    UpdatePartialFill,
)
from trading.offchain_order.events import FailureKind, Links, MigratedStatus
from trading.values.arithmetic import EXACT
from trading.values.sides import Side

SHARES = st.sampled_from(["1", "2", "2.5", "0.000000000000000001"]).map(Decimal) | AMOUNTS
ANY_SHARES = SHARES | st.sampled_from(["0", "-1"]).map(Decimal)
MORE = st.sampled_from(["0", "0", "0.5", "1", "-0.5"]).map(Decimal) | AMOUNTS
PRICES = st.none() | st.sampled_from(["100", "101.25"]).map(Decimal)
THEIR_IDS = st.sampled_from(["B-1", "B-1", "B-2"])
REASONS = st.sampled_from(["timed out", "no answer came"])
ENDED = {"filled", "cancelled", "rejected", "expired", "failed"}
OLD_WORDS = {
    "Pending": "placed",
    "Sending": "sending",
    "Submitted": "submitted",
    "PartiallyFilled": "partially_filled",
    "Unknown": "unknown",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "Rejected": "rejected",
    "Expired": "expired",
    "Failed": "failed",
}


@dataclass
class Card:
    """What is known of an order."""

    stands: str = "not_placed"
    shares: Fraction = Fraction(0)
    side: Side = Side.BUY
    filled: Fraction = Fraction(0)
    average: Decimal | None = None
    at_broker_as: str | None = None
    reason: str | None = None
    ended_at: Any = None
    history: list[Fraction] = field(default_factory=list)


class OrderMachine(AggregateMachine):
    aggregate, refusals, id = OffchainOrder, OrderError, "17"

    def __init__(self) -> None:
        super().__init__()
        self.card = Card()

    # How it begins

    @initialize(begins=st.sampled_from(["not", "placed", "sending", "submitted", "submitted"]), side=SIDES, at=TIMES)
    def begin(self, begins: str, side: Side, at: Any) -> None:
        """Commands that are drawn blindly seldom come as far as the broker."""
        if begins != "not":
            self.place(Decimal("2.5"), side, at)
        if begins in ("sending", "submitted"):
            self.send(at)
        if begins == "submitted":
            self.confirm("B-1", Decimal("2.5"), at)

    @rule(shares=ANY_SHARES, side=SIDES, at=TIMES)
    def place(self, shares: Decimal, side: Side, at: Any) -> None:
        command = Place(
            symbol="AAPL",
            shares=shares,
            side=side,
            broker="dry_run",
            client_order_id="ht-k3v9x2ab-17-1",
            attempt=1,
            placed_at=at,
        )
        if self.tell(command, self.new_is_refused(shares)):
            self.card = Card("placed", Fraction(shares), side)

    @rule(status=st.sampled_from(MigratedStatus), shares=ANY_SHARES, side=SIDES, filled=st.none() | ANY_SHARES,
          theirs=st.none() | THEIR_IDS, price=PRICES, at=TIMES)  # fmt: skip
    def migrate(self, status: MigratedStatus, shares: Decimal, side: Side, filled: Decimal | None, theirs: str | None,
                price: Decimal | None, at: Any) -> None:  # fmt: skip
        refusal = self.new_is_refused(shares)
        if refusal is None and filled is not None and filled < 0:
            refusal = refusals.FilledLess
        command = Migrate(
            symbol="AAPL",
            shares=shares,
            side=side,
            broker="schwab",
            status=status,
            placed_at=at,
            broker_order_id=theirs,
            average_price_usd=price,
            executed_at=at,
            error="as it was",
            filled_shares=filled,
        )
        if not self.tell(command, refusal):
            return
        if filled is None:
            filled = shares if status is MigratedStatus.FILLED else Decimal(0)
        self.card = Card(
            OLD_WORDS[status.value], Fraction(shares), side, Fraction(filled), price, theirs, "as it was", at
        )

    def new_is_refused(self, shares: Decimal) -> type[Exception] | None:
        if self.card.stands != "not_placed":
            return refusals.AlreadyPlaced
        return None if shares > 0 else refusals.NoShares

    # Sending

    @rule(at=TIMES)
    def send(self, at: Any) -> None:
        card, refusal = self.card, self.refusal_unless_open()
        if refusal is None and card.at_broker_as is not None:
            refusal = refusals.AlreadySubmitted
        happened = self.tell(StartSubmission(sending_at=at), refusal)
        assert bool(happened) == (card.stands == "placed" and refusal is None)
        if happened:
            card.stands = "sending"

    @rule(theirs=THEIR_IDS, shares=SHARES, at=TIMES)
    def confirm(self, theirs: str, shares: Decimal, at: Any) -> None:
        card = self.card
        known = card.at_broker_as == theirs and card.stands != "unknown"
        refusal: type[Exception] | None = None
        if card.stands == "not_placed":
            refusal = refusals.NotPlaced
        elif known or (card.stands in ENDED and card.at_broker_as is None):
            pass
        elif card.stands in ENDED:
            refusal = refusals.AlreadyCompleted
        elif card.at_broker_as not in (None, theirs):
            refusal = refusals.AlreadySubmitted
        command = ConfirmSubmission(broker_order_id=theirs, accepted_shares=shares, submitted_at=at)
        if self.tell(command, refusal):
            assert not known
            card.at_broker_as = theirs
            if card.stands not in ENDED:
                card.stands, card.reason = "submitted", None
        elif refusal is None:
            assert known

    @rule(reason=REASONS)
    def lose(self, reason: str) -> None:
        card = self.card
        refusal = self.refusal_unless_open()
        if self.tell(MarkUnknown(reason=reason), refusal):
            assert (card.stands, card.reason) != ("unknown", reason)
            card.stands, card.reason = "unknown", reason
        elif refusal is None:
            assert (card.stands, card.reason) == ("unknown", reason)

    def refusal_unless_open(self) -> type[Exception] | None:
        if self.card.stands == "not_placed":
            return refusals.NotPlaced
        return refusals.AlreadyCompleted if self.card.stands in ENDED else None

    # Reports

    @rule(told=st.sampled_from(["part", "part", "filled", "cancelled"]), more=MORE, price=PRICES, at=TIMES)
    def report(self, told: str, more: Decimal, price: Decimal | None, at: Any) -> None:
        card, filled = self.card, EXACT.add(self.kept.filled_shares, more)
        refusal: type[Exception] | None = None
        if card.stands in ENDED:
            refusal = refusals.AlreadyCompleted
        elif card.at_broker_as is None:
            refusal = refusals.NotPlaced
        elif more < 0:
            refusal = refusals.FilledLess
        elif filled <= 0 and told != "cancelled":
            refusal = refusals.NothingFilled
        numbers = {"shares_filled": filled, "average_price_usd": price}
        match told:
            case "part":
                command: Any = UpdatePartialFill(partially_filled_at=at, **numbers)
            case "filled":
                command = CompleteFill(filled_at=at, **numbers)
            case _:
                command = Cancel(reason="by hand", cancelled_at=at, **numbers)
        if self.tell(command, refusal):
            self.write_down("partially_filled" if told == "part" else told, filled, price, at)
            card.reason = "by hand" if told == "cancelled" else None
        elif refusal is None:  # Only a part that is known already is no news.
            assert (told, card.stands, more) == ("part", "partially_filled", 0)
            assert price is None or card.average is not None

    @rule(kind=st.sampled_from(FailureKind), more=st.none() | MORE, price=PRICES, reason=REASONS, at=TIMES)
    def fail(self, kind: FailureKind, more: Decimal | None, price: Decimal | None, reason: str, at: Any) -> None:
        refusal = self.refusal_unless_open()
        if refusal is None and more is not None and more < 0:
            refusal = refusals.FilledLess
        filled = EXACT.add(self.kept.filled_shares, more or Decimal(0))
        command = MarkFailed(
            error=reason,
            failed_at=at,
            kind=kind,
            shares_filled=None if more is None else filled,
            average_price_usd=price,
        )
        if self.tell(command, refusal):
            self.write_down(kind.value, filled, price, at)
            self.card.reason = reason

    @rule(more=MORE, price=PRICES, at=TIMES)
    def fill_late(self, more: Decimal, price: Decimal | None, at: Any) -> None:
        card, filled = self.card, EXACT.add(self.kept.filled_shares, more)
        refusal: type[Exception] | None = None
        if card.stands not in ENDED:
            refusal = refusals.NotEnded
        elif more < 0:
            refusal = refusals.FilledLess
        news = more != 0 or (card.average is None and price is not None)
        command = RecordLateFill(shares_filled=filled, average_price_usd=price, late_filled_at=at)
        happened = self.tell(command, refusal)
        assert bool(happened) == (news and refusal is None)
        if happened:
            self.write_down(card.stands, filled, price, card.ended_at)

    @rule()
    def relink(self) -> None:
        self.tell(Relink(standing=Links()), refusals.NotPlaced if self.card.stands == "not_placed" else None)

    def write_down(self, stands: str, filled: Decimal, price: Decimal | None, at: Any) -> None:
        """A report without a price leaves the price of the shares that it was known for, and gives more shares none."""
        card = self.card
        if price is not None or Fraction(filled) != card.filled:
            card.average = price
        card.history.append(card.filled)
        card.stands, card.filled = stands, Fraction(filled)
        if stands in ENDED:
            card.ended_at = at

    # What always holds

    @invariant()
    def the_order_is_what_stands_on_the_card(self) -> None:
        kept, card = self.kept, self.card
        assert (kept.state.value, kept.side, Fraction(kept.requested_shares)) == (card.stands, card.side, card.shares)
        assert (Fraction(kept.filled_shares), kept.average_price_usd) == (card.filled, card.average)
        assert (kept.broker_order_id, kept.reason, kept.ended_at) == (card.at_broker_as, card.reason, card.ended_at)
        assert Fraction(kept.remaining_shares) == max(card.shares - card.filled, Fraction(0))

    @invariant()
    def it_is_open_or_has_ended_or_is_not_there(self) -> None:
        stands = self.card.stands
        assert (self.kept.is_open, self.kept.has_ended) == (stands not in {*ENDED, "not_placed"}, stands in ENDED)

    @invariant()
    def what_is_filled_only_grows(self) -> None:
        grown = [*self.card.history, self.card.filled]
        assert grown == sorted(grown)


def test_any_commands_to_an_order_end_in_what_stands_on_its_card():
    play(OrderMachine, stories=60)
