"""Symbols: a share's class stands after a dot with us, and after a slash at Schwab."""

import pytest

from trading.brokers.schwab.symbols import from_schwab, to_schwab
from trading.values.symbols import NotASymbol, Symbol


@pytest.mark.parametrize(
    ("ours", "theirs"), [("AAPL", "AAPL"), ("F", "F"), ("BRK.B", "BRK/B"), ("BF.A", "BF/A"), ("GOOGL", "GOOGL")]
)
def test_a_symbol_goes_there_and_comes_back(ours, theirs):
    assert to_schwab(Symbol(ours)) == theirs
    assert from_schwab(theirs) == ours


def test_a_dot_of_schwabs_is_read_too():
    assert from_schwab("BRK.B") == "BRK.B"


def test_a_symbol_that_would_come_back_as_another_is_refused():
    with pytest.raises(NotASymbol, match=r"as in BRK\.B, was 'BRK/B'"):
        to_schwab(Symbol("BRK/B"))


def test_what_is_no_symbol_is_told():
    with pytest.raises(NotASymbol):
        from_schwab("AAPL  251219C00200000")
