"""Scopes: how far a kill switch or a limit reaches."""

from enum import StrEnum

from trading.values.symbols import symbol as parsed_symbol

BROKERS = ("schwab", "alpaca", "dry_run")
HEDGE = "hedge"
"""The strategy of every hedge."""

LONGEST_SUBJECT = 64


class NotASubject(ValueError):
    """The text names nothing of this scope."""


class Scope(StrEnum):
    """What a control is about: everything, or the orders of one broker, symbol or strategy."""

    GLOBAL = "global"
    BROKER = "broker"
    SYMBOL = "symbol"
    STRATEGY = "strategy"

    def subject(self, text: str) -> str:
        """Read what of this scope is meant. Raises NotASubject, and NotASymbol where it is a symbol."""
        stripped = text.strip()
        match self:
            case Scope.GLOBAL:
                if stripped:
                    raise NotASubject(f"expected no subject beside a global scope, was {stripped[:80]!r}")
            case Scope.BROKER:
                if stripped not in BROKERS:
                    raise NotASubject(f"expected one of {', '.join(BROKERS)}, was {stripped[:80]!r}")
            case Scope.SYMBOL:
                return parsed_symbol(stripped)
            case Scope.STRATEGY:
                if not stripped or len(stripped) > LONGEST_SUBJECT:
                    raise NotASubject(f"expected the name of a strategy, was {stripped[:80]!r}")
        return stripped

    def named(self, subject: str) -> str:
        """Say it in words, as in `symbol AAPL`."""
        return f"{self} {subject}".strip()
