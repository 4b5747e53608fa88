"""Fills: which side, how many shares, how many dollars."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.chain.encoding import OWNER, STRANGER
from trading.chain.decoder import IO, AfterClear, Clear, Generation, Order, Take
from trading.chain.fills import (
    NOT_OURS,
    ChainFill,
    Filtered,
    InvalidIndex,
    InvalidPair,
    MismatchedAfterClear,
    NegativeAmount,
    OwnerLeg,
    TokenFacts,
    concerns,
    fill_of,
    leg_of_clear,
    leg_of_take,
)
from trading.chain.logs import UnusableLog
from trading.chain.rain_float import FloatOutOfRange, pack
from trading.values.sides import Side

USDC, EQUITY, OTHER = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "33" * 20
V4, V5 = Generation.V4, Generation.V5


def tokens(symbol="AAPL0x"):
    return {
        USDC: TokenFacts(USDC, "USDC", 6),
        EQUITY: TokenFacts(EQUITY, symbol, 18),
        OTHER: TokenFacts(OTHER, "USDC", 6),
    }


def leg(received_token, received, given_token, given):
    received, given = Decimal(received), Decimal(given)
    return OwnerLeg(received_token, f"raw {received}", received, given_token, f"raw {given}", given, V5)


V4_IOS = (IO(USDC, 6, 1), IO(EQUITY, 18, 1))
V5_IOS = (IO(USDC, None, 1), IO(EQUITY, None, 1))


def order_of(owner, ios):
    return Order(owner, ios, ios)


def clear(*, alice=OWNER, bob=STRANGER, ios=V4_IOS, generation=V4, indices=(0, 1, 1, 0)):
    return Clear(generation, order_of(alice, ios), order_of(bob, ios), *indices)


AFTER = AfterClear(V4, alice_output=9 * 10**18, bob_output=100 * 10**6, alice_input=100 * 10**6, bob_input=9 * 10**18)


def take(*, indices=(0, 1), input, output, owner=OWNER, ios=V5_IOS, generation=V5):  # noqa: A002
    return Take(generation, order_of(owner, ios), *indices, input, output)


def number(value):
    return pack(Decimal(value))


@pytest.mark.parametrize(
    ("input_", "output", "ticker", "side", "shares", "usd", "price"),
    [
        ("USDC 100", "AAPL0x 0.5", "AAPL", Side.SELL, "0.5", "100", "200"),
        ("NVDAs1 0.374", "USDC 64.17", "NVDA", Side.BUY, "0.374", "64.17", "171.5775401069518716577540106951871657754"),
        # 64.169234 was once taken for the number of shares.
        ("USDC 64.169234", "NVDAs1 0.374", "NVDA", Side.SELL, "0.374", "64.169234", None),
        ("USDC 34.645024", "NVDAs1 0.2", "NVDA", Side.SELL, "0.2", "34.645024", "173.22512"),
        ("tAAPL 0.25", "USDC 50", "AAPL", Side.BUY, "0.25", "50", "200"),
        ("USDC 0.01", "AAPLs1 0.0001", "AAPL", Side.SELL, "0.0001", "0.01", "100"),
        ("USDC 1000000", "BRKs1 100", "BRK", Side.SELL, "100", "1000000", "10000"),
        ("wtSPYM 2", "USDC 160.5", "SPYM", Side.BUY, "2", "160.5", "80.25"),
    ],
)
def test_side_shares_dollars_and_price(input_, output, ticker, side, shares, usd, price):
    received, given = input_.split(), output.split()
    name = given[0] if received[0] == "USDC" else received[0]
    addresses = {"USDC": USDC, name: EQUITY}
    owner_leg = leg(addresses[received[0]], received[1], addresses[given[0]], given[1])
    fill = fill_of(owner_leg, tokens=tokens(name), usdc=USDC)
    assert isinstance(fill, ChainFill)
    assert (fill.symbol, fill.token_symbol, fill.token, fill.side) == (ticker, name, EQUITY, side)
    assert (str(fill.shares), str(fill.usd)) == (shares, usd)
    assert (fill.shares_raw, fill.usd_raw) == (f"raw {shares}", f"raw {usd}")
    if price is None:
        price = "171.5754919786096256684491978609625668449"
    assert str(fill.price) == price


def sides(shares, usd, *, side):
    return leg(USDC, usd, EQUITY, shares) if side is Side.SELL else leg(EQUITY, shares, USDC, usd)


@pytest.mark.parametrize("side", Side)
def test_shares_without_dollars_are_a_fill_without_a_price(side):
    fill = fill_of(sides("5", "0", side=side), tokens=tokens(), usdc=USDC)
    assert (fill.side, fill.shares, fill.usd, fill.price) == (side, 5, 0, None)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("usd", ["0", "12"])
def test_no_shares_are_no_trade(side, usd):
    assert fill_of(sides("0", usd, side=side), tokens=tokens(), usdc=USDC) == Filtered("zero shares")


def test_no_digit_is_dropped():
    shares, usd = "0." + "0" * 20 + "3" * 60, "1" * 60 + "." + "7" * 8
    fill = fill_of(sides(shares, usd, side=Side.BUY), tokens=tokens(), usdc=USDC)
    assert (f"{fill.shares:f}", f"{fill.usd:f}") == (shares, usd)


def test_usdc_is_known_by_its_address():
    named_like_it = leg(OTHER, "100", EQUITY, "1")
    found = rf"found 'USDC' \({OTHER}\) received for 'AAPL0x' \({EQUITY}\)"
    with pytest.raises(InvalidPair, match=f"^expected a tokenised equity against USDC, {found}$"):
        fill_of(named_like_it, tokens=tokens(), usdc=USDC)
    named_otherwise = tokens() | {USDC: TokenFacts(USDC, "USDbC", 6)}
    fill = fill_of(leg(USDC, "100", EQUITY, "1"), tokens=named_otherwise, usdc="0x" + "11".upper() * 20)
    assert fill.side is Side.SELL


@pytest.mark.parametrize("symbol", ["USDC", "AAPL", "", "INVALID", "t", "wt", "0x", "s1", "WETH", "tether", "t\n"])
def test_what_is_no_tokenised_equity_is_refused(symbol):
    for pair in (leg(USDC, "1", EQUITY, "1"), leg(EQUITY, "1", USDC, "1")):
        with pytest.raises(InvalidPair, match="expected a tokenised equity against USDC") as raised:
            fill_of(pair, tokens=tokens(symbol), usdc=USDC)
        assert repr(symbol) in str(raised.value)
        assert "'USDC'" in str(raised.value)


@pytest.mark.parametrize("pair", [(USDC, USDC), (EQUITY, EQUITY), (EQUITY, OTHER)])
def test_two_of_a_kind_are_refused(pair):
    with pytest.raises(InvalidPair):
        fill_of(leg(pair[0], "1", pair[1], "1"), tokens=tokens(), usdc=USDC)


def test_an_unusable_pair_is_refused_even_where_nothing_moved():
    with pytest.raises(InvalidPair):
        fill_of(leg(USDC, "0", OTHER, "0"), tokens=tokens(), usdc=USDC)


def test_only_the_equity_is_looked_up():
    asked = []

    def look_up(address):
        asked.append(address)
        return tokens()[address]

    fill_of(leg(USDC, "1", EQUITY, "1"), tokens=look_up, usdc=USDC)
    assert asked == [EQUITY]


def test_a_failed_look_up_is_no_refusal_of_the_log():
    with pytest.raises(KeyError):
        fill_of(leg(USDC, "1", EQUITY, "1"), tokens={}, usdc=USDC)


# Clears.


def test_alice_takes_usdc_and_gives_shares():
    owner_leg = leg_of_clear(clear(), AFTER, OWNER)
    assert owner_leg == OwnerLeg(USDC, "100000000", Decimal(100), EQUITY, "9000000000000000000", Decimal(9), V4)
    fill = fill_of(owner_leg, tokens=tokens(), usdc=USDC)
    assert (fill.side, fill.shares, fill.usd) == (Side.SELL, 9, 100)
    assert (fill.shares_raw, fill.usd_raw) == ("9000000000000000000", "100000000")


def test_bob_takes_shares_and_gives_usdc():
    owner_leg = leg_of_clear(clear(alice=STRANGER, bob=OWNER), AFTER, OWNER)
    assert owner_leg == OwnerLeg(EQUITY, "9000000000000000000", Decimal(9), USDC, "100000000", Decimal(100), V4)
    assert fill_of(owner_leg, tokens=tokens(), usdc=USDC).side is Side.BUY


def test_alice_comes_before_bob():
    both = clear(bob=OWNER)
    assert leg_of_clear(both, AFTER, OWNER) == leg_of_clear(clear(), AFTER, OWNER)


def test_what_alice_took_in_is_not_what_bob_gave():
    # Whoever clears keeps the overlap.
    after = AFTER._replace(bob_output=101 * 10**6)
    assert leg_of_clear(clear(), after, OWNER).received == 100
    assert leg_of_clear(clear(alice=STRANGER, bob=OWNER), after, OWNER).given == 101


def test_a_v5_clear_moves_floats():
    after = AfterClear(V5, number(9), number(100), number(100), number("9.5"))
    event = clear(ios=V5_IOS, generation=V5, alice=STRANGER, bob=OWNER)
    owner_leg = leg_of_clear(event, after, OWNER)
    assert (owner_leg.received, owner_leg.given) == (Decimal("9.5"), Decimal(100))
    assert owner_leg.received_raw == "0x" + number("9.5").hex()


def test_the_amounts_of_another_generation_are_refused():
    with pytest.raises(MismatchedAfterClear, match="expected the amounts of a V5 clear, found those of V4"):
        leg_of_clear(clear(ios=V5_IOS, generation=V5), AFTER, OWNER)


@pytest.mark.parametrize(
    ("indices", "owner", "message"),
    [
        ((99, 1, 1, 0), "alice", "expected an index into the 2 inputs of alice, found 99"),
        ((0, 2, 1, 0), "alice", "expected an index into the 2 outputs of alice, found 2"),
        ((0, 1, 2**255, 0), "bob", f"expected an index into the 2 inputs of bob, found {2**255}"),
        ((0, 1, 1, 2), "bob", "expected an index into the 2 outputs of bob, found 2"),
    ],
)
def test_an_index_outside_an_order_of_a_clear_is_refused(indices, owner, message):
    who = {"alice": STRANGER, "bob": STRANGER} | {owner: OWNER}
    with pytest.raises(InvalidIndex, match=f"^{message}$"):
        leg_of_clear(clear(indices=indices, **who), AFTER, OWNER)


def test_the_other_orders_indices_are_nothing_to_us():
    assert leg_of_clear(clear(indices=(0, 1, 99, 99)), AFTER, OWNER) == leg_of_clear(clear(), AFTER, OWNER)


# Takes.


def test_the_takers_input_is_what_our_order_gave():
    owner_leg = leg_of_take(take(input=number(9), output=number(100)), OWNER)
    assert (owner_leg.received_token, owner_leg.received) == (USDC, 100)
    assert (owner_leg.given_token, owner_leg.given) == (EQUITY, 9)
    fill = fill_of(owner_leg, tokens=tokens(), usdc=USDC)
    assert (fill.side, fill.shares, fill.usd) == (Side.SELL, 9, 100)
    assert str(fill.price) == "11.11111111111111111111111111111111111111"
    assert (fill.shares_raw, fill.usd_raw) == ("0x" + number(9).hex(), "0x" + number(100).hex())


def test_with_the_indices_swapped_our_order_bought():
    owner_leg = leg_of_take(take(indices=(1, 0), input=number(50), output=number(5)), OWNER)
    fill = fill_of(owner_leg, tokens=tokens(), usdc=USDC)
    assert (fill.side, fill.shares, fill.usd, fill.price) == (Side.BUY, 5, 50, 10)


def test_a_v4_take_counts_each_amount_in_the_decimals_of_its_own_token():
    owner_leg = leg_of_take(take(ios=V4_IOS, generation=V4, input=9 * 10**18, output=100 * 10**6), OWNER)
    assert (owner_leg.received, owner_leg.given) == (100, 9)


def test_nothing_for_nothing_is_no_trade():
    owner_leg = leg_of_take(take(input=number(0), output=number(0)), OWNER)
    assert fill_of(owner_leg, tokens=tokens(), usdc=USDC) == Filtered("zero shares")


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ((99, 1), "expected an index into the 2 inputs of the order, found 99"),
        ((0, 2), "expected an index into the 2 outputs of the order, found 2"),
        ((2**256 - 1, 2), f"expected an index into the 2 inputs of the order, found {2**256 - 1}"),
    ],
)
def test_an_index_outside_a_taken_order_is_refused(indices, message):
    with pytest.raises(InvalidIndex, match=f"^{message}$"):
        leg_of_take(take(indices=indices, input=number(1), output=number(1)), OWNER)


def test_less_than_nothing_is_refused():
    with pytest.raises(NegativeAmount, match=r"expected the amount given by the order to be zero or more, found -1\.5"):
        leg_of_take(take(input=number("-1.5"), output=number(1)), OWNER)
    with pytest.raises(NegativeAmount, match="expected the amount received by the order to be zero or more, found -1"):
        leg_of_take(take(input=number(1), output=number(-1)), OWNER)


def test_a_float_that_no_amount_is_is_refused():
    with pytest.raises(FloatOutOfRange):
        leg_of_take(take(input=bytes.fromhex("7fffffff" + "00" * 27 + "01"), output=number(1)), OWNER)


@pytest.mark.parametrize("refusal", [InvalidIndex, NegativeAmount, InvalidPair, MismatchedAfterClear])
def test_every_refusal_parks_the_log(refusal):
    assert issubclass(refusal, UnusableLog)


# Whose.


def test_what_is_not_ours():
    assert leg_of_take(take(owner=STRANGER, input=number(1), output=number(1)), OWNER) is None
    assert leg_of_clear(clear(alice=STRANGER, bob=STRANGER), AFTER, OWNER) is None
    assert Filtered("not ours") == NOT_OURS


def test_another_orders_nonsense_is_nothing_to_us():
    assert leg_of_take(take(owner=STRANGER, indices=(99, 99), input=number(-1), output=number(-1)), OWNER) is None


@pytest.mark.parametrize(
    ("event", "ours"),
    [
        (take(input=b"", output=b""), True),
        (take(owner=STRANGER, input=b"", output=b""), False),
        (clear(), True),
        (clear(alice=STRANGER, bob=OWNER), True),
        (clear(alice=STRANGER, bob=STRANGER), False),
    ],
)
def test_whether_an_event_concerns_us(event, ours):
    assert concerns(event, OWNER) is concerns(event, "0x" + OWNER[2:].upper()) is ours


def test_an_owner_is_known_in_any_case():
    shouted = "0x" + OWNER[2:].upper()
    assert leg_of_clear(clear(), AFTER, shouted) == leg_of_clear(clear(), AFTER, OWNER)
    event = take(input=number(1), output=number(2))
    assert leg_of_take(event, shouted) == leg_of_take(event, OWNER)


# V4 amounts.


@pytest.mark.parametrize(
    ("raw", "decimals", "value"),
    [
        (0, 18, "0"),
        (123456, 6, "0.123456"),
        (5, 10, "0.0000000005"),
        (12345, 0, "12345"),
        (1, 255, "0." + "0" * 254 + "1"),
        (2**256 - 1, 0, str(2**256 - 1)),
        (2**256 - 1, 255, "0." + str(2**256 - 1).zfill(255)),
        (9 * 10**18, 18, "9"),
    ],
)
def test_a_v4_amount_is_counted_in_the_decimals_of_its_entry(raw, decimals, value):
    event = take(ios=(IO(USDC, decimals, 1), IO(EQUITY, 18, 1)), generation=V4, input=1, output=raw)
    owner_leg = leg_of_take(event, OWNER)
    assert f"{owner_leg.received:f}" == value
    assert owner_leg.received_raw == str(raw)


@given(st.integers(0, 2**256 - 1), st.integers(0, 255))
def test_a_v4_amount_is_exact(raw, decimals):
    event = take(ios=(IO(USDC, decimals, 1), IO(EQUITY, 18, 1)), generation=V4, input=1, output=raw)
    assert Fraction(leg_of_take(event, OWNER).received) == Fraction(raw, 10**decimals)
