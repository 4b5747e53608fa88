"""Records and tickers: what they are read as, and what can't be one. Rows: L13 and L16."""

from decimal import Decimal

import pytest

from audit_trail.strategies.records import NotARecord, TradeKind
from audit_trail.strategies.tickers import tradable
from tests.audit_trail.strategies.situations import (
    TODAY,
    bar,
    congress_trade,
    insider_trade,
    position,
    score,
)


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("AAPL", "AAPL"),
        ("F", "F"),
        (" aapl ", "AAPL"),
        ("BRK.B", "BRK.B"),
        ("BRK/B", "BRK.B"),
        ("brk-b", "BRK.B"),
        ("BF.B", "BF.B"),
        ("--", None),
        ("N/A", None),
        ("", None),
        ("AAPL 250117C00150000", None),
        ("912797GK7", None),  # A bond's number.
        (".", None),
        ("A..B", None),
        ("NÉE", None),
    ],
)
def test_which_tickers_are_symbols(ticker, symbol):
    assert tradable(ticker) == symbol


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Purchase", TradeKind.PURCHASE),
        ("purchase ", TradeKind.PURCHASE),
        ("Sale", TradeKind.SALE),
        ("Sale (Full)", TradeKind.SALE),
        ("Sale (Partial)", TradeKind.SALE),
        ("Exchange", TradeKind.OTHER),
        ("Purchased option", TradeKind.OTHER),
        ("", TradeKind.OTHER),
    ],
)
def test_what_a_politician_did(words, kind):
    assert congress_trade(transaction_type=words).kind is kind


@pytest.mark.parametrize(
    ("code", "direction", "kind"),
    [
        ("P", "A", TradeKind.PURCHASE),
        ("S", "D", TradeKind.SALE),
        # Given, exercised, withheld, converted: acquired, and not bought.
        ("A", "A", TradeKind.OTHER),
        ("M", "A", TradeKind.OTHER),
        ("X", "A", TradeKind.OTHER),
        ("G", "A", TradeKind.OTHER),
        ("C", "A", TradeKind.OTHER),
        ("F", "D", TradeKind.OTHER),
        ("D", "D", TradeKind.OTHER),
        # A purchase by which shares go away contradicts itself.
        ("P", "D", TradeKind.OTHER),
    ],
)
def test_what_an_insider_did(code, direction, kind):
    assert insider_trade(transaction_code=code, acquired_or_disposed=direction).kind is kind


@pytest.mark.parametrize(
    "make",
    [
        lambda: bar("AAPL", TODAY, 10, low_usd=Decimal(0)),
        lambda: bar("AAPL", TODAY, 10, high_usd=Decimal(9)),
        lambda: bar("AAPL", TODAY, 10, low_usd=Decimal(11)),
        lambda: bar("AAPL", TODAY, 10, volume=-1),
        lambda: bar("AAPL", TODAY, 10, close_usd=Decimal("NaN")),
        lambda: score(value="10.01"),
        lambda: score(value="-1"),
        lambda: insider_trade(shares=Decimal(-1)),
        lambda: insider_trade(shares=1.5),
        lambda: insider_trade(price_usd=Decimal(-1)),
        lambda: insider_trade(name=" "),
        lambda: congress_trade(politician_name=""),
        lambda: position("AAPL", 10, shares=-1),
        lambda: position("AAPL", "Infinity"),
    ],
)
def test_what_cant_be_is_no_record(make):
    with pytest.raises(NotARecord, match="expected"):
        make()
