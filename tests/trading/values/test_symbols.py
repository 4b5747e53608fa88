"""Symbols: the share behind a token's name, and the symbol that an operator types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.values.symbols import LONGEST_SYMBOL, NotASymbol, NotATokenisedEquity, base_symbol, symbol


@pytest.mark.parametrize(
    ("token", "base"),
    [
        ("AAPL0x", "AAPL"),
        ("NVDAs1", "NVDA"),
        ("tGME", "GME"),
        # The three names of one share: their fills add up to one position.
        ("GME0x", "GME"),
        ("GMEs1", "GME"),
        ("wtAAPL", "AAPL"),
        # The prefix is tried first, so the suffix stays in the name.
        ("tGME0x", "GME0x"),
        ("wtGMEs1", "GMEs1"),
        # Upper case is never a mark.
        ("tTSLA", "TSLA"),
        ("TSLA0x", "TSLA"),
        ("WTFs1", "WTF"),
        # A share class has a dot; a ticker of another exchange begins with a digit.
        ("tBRK.B", "BRK.B"),
        ("BRK.B0x", "BRK.B"),
        ("t7203", "7203"),
        ("t" + "A" * LONGEST_SYMBOL, "A" * LONGEST_SYMBOL),
        # A valid form of no real share is a symbol: the broker knows which ones are real.
        ("INVALID0x", "INVALID"),
    ],
)
def test_the_share_behind_a_token_is_read_from_its_name(token, base):
    assert base_symbol(token) == base


@pytest.mark.parametrize(
    "token",
    [
        # No mark of a tokenised equity.
        "USDC",
        "AAPL",
        "INVALID",
        "",
        # Case matters in a mark.
        "TGME",
        "AAPL0X",
        "NVDAS1",
        # Nothing stays after the mark.
        "t",
        "0x",
        "s1",
        "wt",
        # Words, and no tickers.
        "tether",
        "wtf",
        "toString",
        # A token names itself, and may do so in any letters of the world, or in too many.
        "tAA PL",
        "tAAPL\n",
        "tΑAPL",
        "t" + "A" * (LONGEST_SYMBOL + 1),
    ],
)
def test_a_token_that_names_no_share_is_refused(token):
    with pytest.raises(NotATokenisedEquity):
        base_symbol(token)


@given(st.text(max_size=40))
def test_any_name_of_a_token_is_read_or_refused(token):
    try:
        base = base_symbol(token)
    except NotATokenisedEquity:
        return
    assert base in token
    assert 0 < len(base) <= LONGEST_SYMBOL


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("AAPL", "AAPL"),
        (" aapl ", "AAPL"),
        ("brk.b", "BRK.B"),
        ("BRK/B", "BRK/B"),
        ("BRK-B", "BRK-B"),
        ("7203", "7203"),
    ],
)
def test_a_typed_symbol_is_forgiven_its_case_and_the_spaces_around_it(typed, expected):
    assert symbol(typed) == expected


@pytest.mark.parametrize("typed", ["", "  ", "AA PL", "AAPL;", "ÄPL", "A\nB", "$AAPL", "A" * (LONGEST_SYMBOL + 1)])
def test_what_is_no_symbol_is_refused(typed):
    with pytest.raises(NotASymbol, match="expected a stock symbol"):
        symbol(typed)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=1, max_size=LONGEST_SYMBOL))
def test_a_symbol_survives_each_of_its_marks(ticker):
    assert base_symbol(f"t{ticker}") == base_symbol(f"wt{ticker}") == symbol(ticker) == ticker
    assert base_symbol(f"{ticker}0x") == base_symbol(f"{ticker}s1") == ticker
