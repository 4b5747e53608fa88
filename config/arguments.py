"""Arguments of commands: text from a command line, read into what is meant. What is not costs exit code 2."""

from argparse import ArgumentTypeError
from datetime import date

from trading.values.symbols import NotASymbol, Symbol, symbol


def day(text: str) -> date:
    """Read a day, as 2026-03-02."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"expected a day, as 2026-03-02, was {text[:40]!r}") from None


def symbol_argument(text: str) -> Symbol:
    """Read a symbol, as AAPL or BRK.B."""
    try:
        return symbol(text)
    except NotASymbol as error:
        raise ArgumentTypeError(str(error)) from error
