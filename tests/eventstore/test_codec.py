"""The codec: what is written reads back as the same value, and equal values are equal bytes."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.codec import (
    CannotDecode,
    CannotEncode,
    NewerSchema,
    decode,
    decode_value,
    encode,
    encode_value,
)
from eventstore.decimals import plain
from eventstore.events import Event, UnknownEventType, event, name_of, schema_of
from tests.eventstore.samples import AT, Charged, Coins, Deposited, Free, Kind, coins


class Place(msgspec.Struct, frozen=True):
    x: Decimal
    seen_at: datetime | None = None


@event("CodecSample::Everything", schema=1)
class Everything(Event):
    """One of each."""

    amount: Decimal
    price: Coins | None
    at: datetime
    kind: Kind
    terms: Free | Charged
    place: Place
    places: tuple[Place, ...]
    amounts: list[Decimal]
    by_name: dict[str, Decimal]
    by_number: dict[int, Kind]
    numbers: frozenset[int]
    note: str
    count: int
    sure: bool | None


decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**70 - 1),
    st.integers(-100, 100),
)
moments = st.datetimes(
    min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)  # fmt: skip
places = st.builds(Place, x=decimals, seen_at=st.none() | moments)
everything = st.builds(
    Everything,
    amount=decimals,
    price=st.none() | decimals,
    at=moments,
    kind=st.sampled_from(Kind),
    terms=st.builds(Free, reason=st.text()) | st.builds(Charged, fee=decimals),
    place=places,
    places=st.lists(places, max_size=3).map(tuple),
    amounts=st.lists(decimals, max_size=3),
    by_name=st.dictionaries(st.text(), decimals, max_size=3),
    by_number=st.dictionaries(st.integers(), st.sampled_from(Kind), max_size=3),
    numbers=st.frozensets(st.integers(), max_size=4),
    note=st.text(),
    count=st.integers(),
    sure=st.none() | st.booleans(),
)


@given(everything)
def test_an_event_reads_back_as_it_was(given_event):
    text = encode(given_event)

    read = decode(name_of(given_event), schema_of(given_event), text)

    assert read == given_event
    assert encode(read) == text


@given(decimals, st.integers(0, 30))
def test_equal_numbers_are_equal_bytes(number, zeros):
    sign, digits, exponent = number.as_tuple()
    same = Decimal((sign, digits + (0,) * zeros, exponent - zeros))

    assert encode(Deposited(amount=number)) == encode(Deposited(amount=same))
    assert json.loads(encode(Deposited(amount=same))) == {"amount": plain(number)}


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("1.50", "1.5"),
        ("1E+5", "100000"),
        ("1E-9", "0.000000001"),
        ("100", "100"),
        ("10.0", "10"),
        ("0E-40", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("-1.10", "-1.1"),
        ("0.5", "0.5"),
    ],
)
def test_a_number_is_written_in_one_way(number, written):
    assert encode(Deposited(amount=coins(number))) == f'{{"amount":"{written}"}}'


def test_fields_stand_in_order_with_tags_and_nulls():
    whole = Everything(
        amount=Decimal("1E+2"), price=None, at=AT, kind=Kind.CARD, terms=Charged(fee=coins("0.10")),
        place=Place(Decimal(1)), places=(), amounts=[], by_name={"b": Decimal("2.0"), "a": Decimal(1)},
        by_number={2: Kind.CASH}, numbers=frozenset({3, 1}), note="süß", count=10**30, sure=None,
    )  # fmt: skip

    assert encode(whole) == (
        '{"amount":"100","price":null,"at":"2025-03-01T12:30:00.250000Z","kind":"CARD",'
        '"terms":{"type":"charged","fee":"0.1"},"place":{"x":"1","seen_at":null},"places":[],"amounts":[],'
        '"by_name":{"a":"1","b":"2"},"by_number":{"2":"CASH"},"numbers":[1,3],"note":"süß",'
        '"count":1000000000000000000000000000000,"sure":null}'
    )


def test_a_time_is_written_in_utc_with_its_microseconds():
    berlin = datetime(2025, 3, 1, 13, 30, 0, 1, tzinfo=ZoneInfo("Europe/Berlin"))

    assert json.loads(encode_value(Place(Decimal(1), berlin)))["seen_at"] == "2025-03-01T12:30:00.000001Z"


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_what_is_no_finite_number_is_refused(amount):
    with pytest.raises(CannotEncode, match="Deposited: amount: expected a finite number"):
        encode(Deposited(amount=amount))


@pytest.mark.parametrize("amount", [1.5, math.nan, object(), 3j])
def test_what_json_does_not_keep_is_refused(amount):
    with pytest.raises(CannotEncode, match="Deposited: amount: "):
        encode(Deposited(amount=amount))


def test_a_time_without_a_zone_is_refused_and_the_place_is_named():
    naive = datetime(2025, 3, 1)  # noqa: DTZ001
    inner = Place(Decimal(1), naive)

    with pytest.raises(CannotEncode, match="Place: seen_at: expected a time with a time zone, was 2025-03-01"):
        encode_value(inner)


def test_an_hour_that_clocks_show_twice_is_refused():
    twice = datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    with pytest.raises(CannotEncode, match="shows once"):
        encode_value(Place(Decimal(1), twice))
    assert encode_value(Place(Decimal(1), twice.astimezone(UTC)))


def test_half_a_character_is_refused():
    with pytest.raises(CannotEncode, match="Free can't be written"):
        encode_value(Free(reason="\ud800"))


def test_keys_that_are_one_as_text_are_refused():
    class Mixed(msgspec.Struct):
        by_any: dict[int | str, int]

    with pytest.raises(CannotEncode, match="keys that differ"):
        encode_value(Mixed({1: 1, "1": 2}))


def test_a_struct_that_leaves_fields_out_is_refused():
    class Sparse(msgspec.Struct, omit_defaults=True):
        note: str = ""

    with pytest.raises(CannotEncode, match="every field by its name"):
        encode_value(Sparse())


def test_a_struct_that_checks_its_fields_is_written_all_the_same():
    class Checked(msgspec.Struct, frozen=True):
        amount: Decimal

        def __post_init__(self) -> None:
            if self.amount <= 0:
                raise ValueError

    assert encode_value(Checked(Decimal("1E-7"))) == '{"amount":"0.0000001"}'


def test_an_unknown_name_says_what_to_do():
    with pytest.raises(UnknownEventType, match=r"'Nobody::Knows'.*import the module"):
        decode("Nobody::Knows", 1, "{}")


def test_a_newer_schema_asks_for_a_newer_program():
    with pytest.raises(NewerSchema, match=r"schema 2.*up to 1: upgrade"):
        decode("AccountEvent::Deposited", 2, '{"amount":"1"}')


@pytest.mark.parametrize("data", ["{}", '{"amount":"1","more":1}', '{"amount":"x"}', "nothing", '{"amount":null}'])
def test_data_that_does_not_fit_is_refused_by_name(data):
    with pytest.raises(CannotDecode, match="'AccountEvent::Deposited' of schema 1"):
        decode("AccountEvent::Deposited", 1, data)


def test_a_state_that_does_not_fit_is_refused():
    with pytest.raises(CannotDecode, match="Place"):
        decode_value(Place, '{"y":"1"}')


class Remark(msgspec.Struct, frozen=True):
    amount: Decimal
    why: str | msgspec.UnsetType = msgspec.UNSET


# The first is written as it is, the second is brought into its one form before.
@pytest.mark.parametrize("amount", [Decimal("1.5"), Decimal("1.50")])
def test_what_is_unset_is_no_field(amount):
    assert encode_value(Remark(amount)) == '{"amount":"1.5"}'
    assert encode_value(Remark(amount, "asked")) == '{"amount":"1.5","why":"asked"}'
    assert decode_value(Remark, '{"amount":"1.5"}') == Remark(Decimal("1.5"))
