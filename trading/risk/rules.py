"""Rules: every reason for which the gate denies an order, and the limits that an operator may set."""

from decimal import Decimal
from enum import StrEnum


class Rule(StrEnum):
    """Why an order was denied. The gate goes through them in this order, and names the first that is broken."""

    KILL_SWITCH = "kill_switch"
    RESTRICTED_SYMBOL = "restricted_symbol"
    CLOCK_FACTS = "clock_facts"
    CALENDAR_FACTS = "calendar_facts"
    SESSION_DISAGREES = "session_disagrees"
    SESSION_CLOSED = "session_closed"
    ACCOUNT_FACTS = "account_facts"
    ACCOUNT_EXPECTED = "account_expected"
    ACCOUNT_BLOCKED = "account_blocked"
    ASSET_FACTS = "asset_facts"
    NOT_TRADABLE = "not_tradable"
    NOT_FRACTIONABLE = "not_fractionable"
    QUOTE_FACTS = "quote_facts"
    PRICE_FACTS = "price_facts"
    PRICE_COLLAR = "price_collar"
    OPPOSITE_ORDER = "opposite_order"
    HOLDINGS_FACTS = "holdings_facts"
    HOLDINGS = "holdings"
    MAX_ORDER_SHARES = "max_order_shares"
    MAX_ORDER_NOTIONAL = "max_order_notional"
    DAILY_NOTIONAL = "daily_notional"
    ORDER_RATE = "order_rate"
    BUYING_POWER = "buying_power"

    @property
    def halts(self) -> bool:
        """Five denials alike halt the symbol: nothing but an operator changes this."""
        return self in (Rule.MAX_ORDER_SHARES, Rule.MAX_ORDER_NOTIONAL, Rule.NOT_TRADABLE)

    @property
    def is_of_facts(self) -> bool:
        """Something isn't known, or not freshly enough; the next answer of the broker heals it."""
        return self in FACTS

    @property
    def is_of_the_account(self) -> bool:
        """It is no symbol's fault, and so blocks none: an operator is told of it once, not once a symbol."""
        return self in OF_THE_ACCOUNT

    @property
    def is_an_operators_stop(self) -> bool:
        """An operator wants no order: the broker need not be asked for anything until that is lifted."""
        return self in (Rule.KILL_SWITCH, Rule.RESTRICTED_SYMBOL)

    @property
    def needs_an_operator(self) -> bool:
        """Waiting does not help."""
        return self in NEED_AN_OPERATOR

    @property
    def times_before_a_notice(self) -> int | None:
        """After how many denials alike an operator is told; None where there is nothing to tell.

        A kill switch has a notice of its own for as long as it is on; a closed market, or less than there is to order,
        is no trouble.
        """
        if self in (Rule.KILL_SWITCH, Rule.SESSION_CLOSED, Rule.NOT_FRACTIONABLE):
            return None
        return SOME if self in HEAL_SOON else 1


# About half a minute, since the waits double.
SOME = 5

FACTS = frozenset(
    {
        Rule.CLOCK_FACTS,
        Rule.CALENDAR_FACTS,
        Rule.ACCOUNT_FACTS,
        Rule.ASSET_FACTS,
        Rule.QUOTE_FACTS,
        Rule.HOLDINGS_FACTS,
    }
)
HEAL_SOON = FACTS | {Rule.PRICE_FACTS, Rule.SESSION_DISAGREES, Rule.ORDER_RATE, Rule.OPPOSITE_ORDER}
OF_THE_ACCOUNT = frozenset(
    {
        Rule.CLOCK_FACTS,
        Rule.CALENDAR_FACTS,
        Rule.SESSION_DISAGREES,
        Rule.SESSION_CLOSED,
        Rule.ACCOUNT_FACTS,
        Rule.ACCOUNT_EXPECTED,
        Rule.ACCOUNT_BLOCKED,
        Rule.HOLDINGS_FACTS,
        Rule.ORDER_RATE,
        Rule.DAILY_NOTIONAL,
        Rule.BUYING_POWER,
    }
)
NEED_AN_OPERATOR = frozenset(
    {
        Rule.KILL_SWITCH,
        Rule.RESTRICTED_SYMBOL,
        Rule.ACCOUNT_EXPECTED,
        Rule.ACCOUNT_BLOCKED,
        Rule.NOT_TRADABLE,
        Rule.MAX_ORDER_SHARES,
        Rule.MAX_ORDER_NOTIONAL,
    }
)


class LimitRule(StrEnum):
    """What an operator may set a number for. Of several that reach an order, each holds."""

    MAX_ORDER_SHARES = "max_order_shares"
    MAX_ORDER_NOTIONAL_USD = "max_order_notional_usd"
    DAILY_NOTIONAL_USD = "daily_notional_usd"
    ORDERS_PER_MINUTE = "orders_per_minute"
    PRICE_COLLAR_PERCENT = "price_collar_percent"
    ACCOUNT_AGE_SECONDS = "account_age_seconds"
    HOLDINGS_AGE_SECONDS = "holdings_age_seconds"
    CLOCK_AGE_SECONDS = "clock_age_seconds"
    QUOTE_AGE_SECONDS = "quote_age_seconds"
    PRICE_AGE_SECONDS = "price_age_seconds"
    ASSET_AGE_SECONDS = "asset_age_seconds"


DEFAULTS = {
    LimitRule.ACCOUNT_AGE_SECONDS: Decimal(60),
    LimitRule.HOLDINGS_AGE_SECONDS: Decimal(60),
    LimitRule.CLOCK_AGE_SECONDS: Decimal(60),
    LimitRule.QUOTE_AGE_SECONDS: Decimal(30),
    LimitRule.PRICE_AGE_SECONDS: Decimal(900),
    LimitRule.ASSET_AGE_SECONDS: Decimal(14_400),
}
"""In force where no row says otherwise: how old an answer may be. There is no such limit on orders."""
