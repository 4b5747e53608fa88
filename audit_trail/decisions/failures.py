"""Failures: the kinds of reason for which a decision came to nothing, told apart where it fails, and kept."""

import re
from enum import StrEnum

from trading.risk.rules import Rule


class FailureKind(StrEnum):
    """Why nothing was traded. What nobody has a name for yet is `other`; its reason stands beside it in full."""

    BUYING_POWER = "insufficient_buying_power"
    SHARES = "insufficient_shares"
    RATE_LIMIT = "api_rate_limit"
    MARKET_CLOSED = "market_closed"
    SYMBOL = "invalid_symbol"
    NOT_FRACTIONABLE = "not_fractionable"
    RESTRICTED = "restricted_symbol"
    RISK_LIMIT = "risk_limit"
    REJECTED = "order_rejected"
    EXPIRED = "expired"
    NEVER_THERE = "never_at_the_broker"
    OTHER = "other"


# By a broker's words, the first that matches.
_BY_WORDS = (
    (FailureKind.BUYING_POWER, r"(insufficient|not enough)\b.*\b(buying power|funds|cash)"),
    (FailureKind.SHARES, r"insufficient (qty|quantity|shares)|not allowed to short|cannot be sold short"),
    (FailureKind.RATE_LIMIT, r"rate limit|too many requests"),
    (FailureKind.NOT_FRACTIONABLE, r"not fractionable"),
    (FailureKind.MARKET_CLOSED, r"market\b.*\bclosed|after.?hours"),
    (
        FailureKind.SYMBOL,
        r"(invalid|unknown|no such)\b.*\b(symbol|asset)|asset\b.*\b(not found|not active|not tradable)",
    ),
)
_BY_RULE = {
    Rule.RESTRICTED_SYMBOL: FailureKind.RESTRICTED,
    Rule.NOT_TRADABLE: FailureKind.SYMBOL,
    Rule.NOT_FRACTIONABLE: FailureKind.NOT_FRACTIONABLE,
    Rule.HOLDINGS: FailureKind.SHARES,
    Rule.BUYING_POWER: FailureKind.BUYING_POWER,
}


def kind_of_rejection(reason: str) -> FailureKind:
    """Read why a broker refused an order. A refusal without a known word is just that."""
    for kind, words in _BY_WORDS:
        if re.search(words, reason, re.IGNORECASE | re.DOTALL):
            return kind
    return FailureKind.REJECTED


def kind_of_denial(rule: Rule) -> FailureKind:
    """Tell why the risk gate denied an order for good."""
    return _BY_RULE.get(rule, FailureKind.RISK_LIMIT)


FINAL = frozenset(
    {
        Rule.RESTRICTED_SYMBOL,
        Rule.NOT_TRADABLE,
        Rule.NOT_FRACTIONABLE,
        Rule.PRICE_COLLAR,
        Rule.HOLDINGS,
        Rule.MAX_ORDER_SHARES,
        Rule.MAX_ORDER_NOTIONAL,
        Rule.DAILY_NOTIONAL,
        Rule.BUYING_POWER,
    }
)
"""Rules that judge this order: it has failed by them. By all others it is merely not the time, and it stays pending."""
