"""Fills: what an event says that one owner's order took in and gave out, and which share was traded by it."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading.chain import rain_float
from trading.chain.decoder import IO, AfterClear, Amount, Clear, Generation, Order, Take
from trading.chain.logs import UnusableLog
from trading.values.arithmetic import EXACT, canonical, quotient
from trading.values.sides import Side
from trading.values.symbols import NotATokenisedEquity, Symbol, base_symbol


class InvalidIndex(UnusableLog):
    """The event names a token of the order that the order doesn't list."""


class NegativeAmount(UnusableLog):
    """The event says that less than nothing moved."""


class MismatchedAfterClear(UnusableLog):
    """The amounts are of another generation than the clear."""


class InvalidPair(UnusableLog):
    """The two tokens are no tokenised equity against USDC, so we can't tell what was bought or sold."""


class OwnerLeg(NamedTuple):
    """What the owner's order took in and gave out, each with the amount as emitted: an integer, or a float's bytes."""

    received_token: str
    received_raw: str
    received: Decimal
    given_token: str
    given_raw: str
    given: Decimal
    generation: Generation


class TokenFacts(msgspec.Struct, frozen=True):
    """What a token says of itself."""

    address: str
    symbol: str
    decimals: int


class ChainFill(msgspec.Struct, frozen=True):
    """A fill of one of our orders on chain. Without dollars it has no price, and moves exposure all the same."""

    side: Side
    token_symbol: str
    symbol: Symbol
    token: str
    shares: Decimal
    usd: Decimal
    price: Decimal | None
    shares_raw: str
    usd_raw: str


class Filtered(msgspec.Struct, frozen=True):
    """The event is sound and no fill of ours."""

    reason: str


NOT_OURS = Filtered("not ours")
ZERO_SHARES = Filtered("zero shares")

Tokens = Callable[[str], TokenFacts] | Mapping[str, TokenFacts]


def concerns(event: Clear | Take, owner: str) -> bool:
    """Tell whether an order of the owner was matched, before the amounts of a clear are looked for."""
    ours = owner.lower()
    if isinstance(event, Take):
        return event.order.owner == ours
    return ours in (event.alice.owner, event.bob.owner)


def leg_of_take(take: Take, owner: str) -> OwnerLeg | None:
    """Tell what the owner's order moved when it was taken; None where the order is another's.

    The event speaks for the taker: its output is what our order received, and its input what our order gave.
    """
    if take.order.owner != owner.lower():
        return None
    return _leg(
        "the order",
        take.order,
        take.generation,
        input_index=take.input_io_index,
        received=take.output,
        output_index=take.output_io_index,
        given=take.input,
    )


def leg_of_clear(clear: Clear, after: AfterClear, owner: str) -> OwnerLeg | None:
    """Tell what the owner's order moved in a clear; None where both orders are others'. Alice is looked at first."""
    if after.generation != clear.generation:
        raise MismatchedAfterClear(
            f"expected the amounts of a {clear.generation.name} clear, found those of {after.generation.name}"
        )
    ours = owner.lower()
    if clear.alice.owner == ours:
        return _leg(
            "alice",
            clear.alice,
            clear.generation,
            input_index=clear.alice_input_io_index,
            received=after.alice_input,
            output_index=clear.alice_output_io_index,
            given=after.alice_output,
        )
    if clear.bob.owner == ours:
        return _leg(
            "bob",
            clear.bob,
            clear.generation,
            input_index=clear.bob_input_io_index,
            received=after.bob_input,
            output_index=clear.bob_output_io_index,
            given=after.bob_output,
        )
    return None


def fill_of(leg: OwnerLeg, *, tokens: Tokens, usdc: str) -> ChainFill | Filtered:
    """Tell the share, the side and the price of a leg. Raises InvalidPair, and whatever the look-up of a token raises.

    USDC is known by its address, whatever other tokens call themselves.
    """
    dollars = usdc.lower()
    facts = tokens if callable(tokens) else tokens.__getitem__
    received_dollars, given_dollars = leg.received_token == dollars, leg.given_token == dollars
    if received_dollars == given_dollars:
        raise _invalid_pair(leg, facts)
    if received_dollars:
        side, token, shares, shares_raw = Side.SELL, leg.given_token, leg.given, leg.given_raw
        usd, usd_raw = leg.received, leg.received_raw
    else:
        side, token, shares, shares_raw = Side.BUY, leg.received_token, leg.received, leg.received_raw
        usd, usd_raw = leg.given, leg.given_raw
    token_symbol = facts(token).symbol
    try:
        symbol = base_symbol(token_symbol)
    except NotATokenisedEquity as error:
        raise _invalid_pair(leg, facts) from error
    if not shares:
        return ZERO_SHARES
    return ChainFill(
        side=side,
        token_symbol=token_symbol,
        symbol=symbol,
        token=token,
        shares=shares,
        usd=usd,
        price=canonical(quotient(usd, shares)) if usd else None,
        shares_raw=shares_raw,
        usd_raw=usd_raw,
    )


def _leg(
    who: str,
    order: Order,
    generation: Generation,
    *,
    input_index: int,
    received: Amount,
    output_index: int,
    given: Amount,
) -> OwnerLeg:
    taken_in = _entry(order.inputs, input_index, f"inputs of {who}")
    given_out = _entry(order.outputs, output_index, f"outputs of {who}")
    return OwnerLeg(
        received_token=taken_in.token,
        received_raw=_raw(received),
        received=_amount(received, taken_in, f"amount received by {who}"),
        given_token=given_out.token,
        given_raw=_raw(given),
        given=_amount(given, given_out, f"amount given by {who}"),
        generation=generation,
    )


def _entry(entries: Sequence[IO], index: int, side: str) -> IO:
    # An index of the chain is never negative; were it to be, Python would count from the end.
    if not 0 <= index < len(entries):
        raise InvalidIndex(f"expected an index into the {len(entries)} {side}, found {index}")
    return entries[index]


def _amount(raw: Amount, io: IO, which: str) -> Decimal:
    value = rain_float.unpack(raw) if isinstance(raw, bytes) else _counted(raw, io, which)
    if value < 0:
        raise NegativeAmount(f"expected the {which} to be zero or more, found {value}")
    return value


def _counted(raw: int, io: IO, which: str) -> Decimal:
    if io.decimals is None:
        raise UnusableLog(f"expected the decimals of {io.token} beside the {which}, found none")
    return canonical(Decimal(raw).scaleb(-io.decimals, EXACT))


def _raw(amount: Amount) -> str:
    return "0x" + amount.hex() if isinstance(amount, bytes) else str(amount)


def _invalid_pair(leg: OwnerLeg, facts: Callable[[str], TokenFacts]) -> InvalidPair:
    received, given = facts(leg.received_token).symbol, facts(leg.given_token).symbol
    return InvalidPair(
        f"expected a tokenised equity against USDC, "
        f"found {received[:80]!r} ({leg.received_token}) received for {given[:80]!r} ({leg.given_token})"
    )
