"""Thresholds: read from what an operator writes, written so that they read back."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.codec import decode_value, encode_value
from trading.values.thresholds import ONE_SHARE, DollarThreshold, NotAThreshold, SharesThreshold, threshold


@pytest.mark.parametrize(
    ("text", "expected", "written"),
    [
        ("1 share", ONE_SHARE, "1 share"),
        ("1 shares", ONE_SHARE, "1 share"),
        ("1.0 share", ONE_SHARE, "1 share"),
        ("2.5 shares", SharesThreshold(Decimal("2.5")), "2.5 shares"),
        ("0.5 shares", SharesThreshold(Decimal("0.5")), "0.5 shares"),
        (" 100shares ", SharesThreshold(Decimal(100)), "100 shares"),
        ("$100", DollarThreshold(Decimal(100)), "$100"),
        ("$ 1.00", DollarThreshold(Decimal(1)), "$1"),
        ("$0.01", DollarThreshold(Decimal("0.01")), "$0.01"),
    ],
)
def test_a_threshold_is_read_and_written(text, expected, written):
    assert threshold(text) == expected
    assert str(threshold(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",  # Of what?
        "share",
        "shares 1",
        "100$",
        "$",
        "USD 100",
        "1 Share",
        "1  share",
        "1 sharess",
        # Zero is reached by no exposure at all, and there is no exposure below it.
        "0 shares",
        "0.0 shares",
        "$0",
        "-1 shares",
        "$-1",
        "$1,000",
        "1,5 shares",
        "1_0 shares",
        "1e3 shares",
        "NaN shares",
        "$Infinity",
        "٣ shares",
        ".5 shares",
        "$5.",
        # With the words around it, it would not fit its row.
        "9" * 61 + " shares",
        "$" + "9" * 40 + "." + "9" * 40,
    ],
)
def test_what_is_no_threshold_is_refused(text):
    with pytest.raises(NotAThreshold, match="expected a threshold"):
        threshold(text)


@pytest.mark.parametrize("number", ["0", "-0", "-1", "1E+60", "1E-59", "0." + "1" * 59])
@pytest.mark.parametrize("kind", [SharesThreshold, DollarThreshold])
def test_a_threshold_of_such_a_number_can_not_be_made(kind, number):
    with pytest.raises(NotAThreshold):
        kind(Decimal(number))


numbers = st.decimals(min_value=Decimal("1E-20"), max_value=Decimal("1E+30"), places=20)
thresholds = st.builds(SharesThreshold, numbers) | st.builds(DollarThreshold, numbers)


@given(thresholds)
def test_a_threshold_written_out_reads_back(made):
    assert threshold(str(made)) == made
    assert len(str(made)) <= 80


@given(thresholds)
def test_a_stored_threshold_is_the_same_kind_and_number(made):
    class Row(msgspec.Struct):
        threshold: SharesThreshold | DollarThreshold

    assert decode_value(Row, encode_value(Row(made))).threshold == made


def test_the_widest_threshold_fits_its_row():
    widest = threshold("9" * 60 + " shares")

    assert threshold(str(widest)) == widest
    assert len(str(widest)) <= 80


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 shares", "expected a threshold above zero, was 0"),
        ("$" + "9" * 40 + "." + "9" * 40, f"expected a threshold of at most 60 digits, was {'9' * 40}.{'9' * 39}"),
        ("x" * 81, f"expected a threshold such as '1 share', '2.5 shares' or '$100', was '{'x' * 80}'"),
    ],
)
def test_a_refusal_tells_what_was_found_and_no_more_than_a_line_of_it(text, told):
    with pytest.raises(NotAThreshold) as refused:
        threshold(text)

    assert str(refused.value) == told
