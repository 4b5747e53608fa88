"""The gate: whether an order may be placed, and how much of it. It decides and does nothing else.

It knows no database, no broker and no clock: what an operator set, what the broker last said and what is under way come
in, and a verdict goes out with every figure that it rests on. What is missing or too old is a denial, never a guess.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from trading.brokers.market import Account, Asset, Holdings
from trading.brokers.orders import CLOCK_SKEW
from trading.risk.intents import Intent, Unpriced, unseen_cost_usd, unseen_sells
from trading.risk.reading import MINUTE, day_began, is_open, price_of, shown, span
from trading.risk.rules import DEFAULTS, LimitRule, Rule
from trading.risk.situation import Controls, Facts, Limit, Placed, Request, Terms
from trading.values.arithmetic import ZERO, add, cut, multiply, plain, quotient, subtract
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side

HUNDRED = Decimal(100)


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """The order may be placed, for so many shares; never for more than was asked."""

    shares: Shares
    price_usd: Usd
    """What a share was reckoned at."""

    notional_usd: Usd
    figures: dict[str, str]


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """The order may not be placed now. Nothing was sent, so there is nothing to take back; ask again later."""

    rule: Rule
    text: str
    figures: dict[str, str]


Verdict = Allowed | Denied


def decide(request: Request, *, terms: Terms, controls: Controls, facts: Facts, now: datetime) -> Verdict:
    """Hold an order against every rule, in the rules' own order. The first that is broken denies it."""
    return _Examination(request, terms, controls, facts, now).verdict()


class _Examination:
    """Each rule is a method that returns a denial, or None and goes on."""

    def __init__(self, request: Request, terms: Terms, controls: Controls, facts: Facts, now: datetime) -> None:
        self._request, self._terms, self._controls, self._facts, self._now = request, terms, controls, facts, now
        self._shares: Decimal = request.shares
        self._price = Usd(ZERO)
        self._figures = {"asked_shares": plain(request.shares)}

    def verdict(self) -> Verdict:
        rules: tuple[Callable[[], Denied | None], ...] = (
            self._kill_switch,
            self._restricted,
            self._session,
            self._account,
            self._asset,
            self._quote,
            self._collar,
            self._opposite,
            self._holdings,
            self._order_size,
            self._daily_notional,
            self._order_rate,
            self._buying_power,
        )
        for rule in rules:
            if (denied := rule()) is not None:
                return denied
        self._note(shares=self._shares, notional_usd=self._notional)
        return Allowed(
            shares=Shares(self._shares), price_usd=self._price, notional_usd=self._notional, figures=self._figures
        )

    # What an operator set.

    def _kill_switch(self) -> Denied | None:
        for switch in self._controls.switches:
            if self._request.named(switch.scope) == switch.subject:
                named = switch.scope.named(switch.subject)
                self._note(kill_switch=named)
                return self._denied(Rule.KILL_SWITCH, f"the kill switch ({named}) is on: {switch.reason}")
        return None

    def _restricted(self) -> Denied | None:
        for each in self._controls.restrictions:
            over = each.expires_at is not None and each.expires_at <= self._now
            if each.symbol != self._request.symbol or each.side not in (None, self._request.side) or over:
                continue
            until = "further notice" if each.expires_at is None else each.expires_at.isoformat()
            self._note(restricted=each.side or "both sides", restricted_until=until)
            return self._denied(Rule.RESTRICTED_SYMBOL, f"{each.symbol} is restricted until {until}: {each.reason}")
        return None

    # The market.

    def _session(self) -> Denied | None:
        """The broker's clock must say that the market is open, and the calendar, where one is asked, the same."""
        clock = self._facts.clock
        if clock is None or self._is_old("clock", clock.as_of, LimitRule.CLOCK_AGE_SECONDS):
            return self._unknown(Rule.CLOCK_FACTS, "clock", None if clock is None else clock.as_of)
        open_now = is_open(clock, self._now)
        self._note(clock_open=open_now, clock_as_of=clock.as_of)
        if self._terms.calendar:
            self._note(calendar_open=self._facts.session_open)
            if self._facts.session_open is None:
                return self._denied(Rule.CALENDAR_FACTS, "the calendar does not tell whether the market is open")
            if self._facts.session_open is not open_now:
                return self._denied(
                    Rule.SESSION_DISAGREES,
                    f"the market is {_open(open_now)} by the broker's clock and "
                    f"{_open(self._facts.session_open)} by the calendar",
                )
        return None if open_now else self._denied(Rule.SESSION_CLOSED, "the market is closed")

    # The account.

    def _account(self) -> Denied | None:
        account = self._facts.account
        if account is None or self._is_old("account", account.as_of, LimitRule.ACCOUNT_AGE_SECONDS):
            return self._unknown(Rule.ACCOUNT_FACTS, "account", None if account is None else account.as_of)
        self._note(account_paper=account.paper, account_blocked=account.blocked, account_as_of=account.as_of)
        if (difference := self._another_account(account)) is not None:
            return self._denied(Rule.ACCOUNT_EXPECTED, difference)
        if account.blocked is not None:
            return self._denied(Rule.ACCOUNT_BLOCKED, f"the broker takes no orders for the account: {account.blocked}")
        return None

    def _another_account(self, account: Account) -> str | None:
        expected, number = self._terms.paper, self._terms.account_number
        if expected is not None and account.paper is not expected:
            return f"expected a {_account_kind(expected)} account, was {_account_kind(account.paper)}"
        if number is not None and not account.number.endswith(number):
            return f"expected the account ending in {number[-4:]}, was one ending in {account.number[-4:]}"
        return None

    # The asset and its price.

    def _asset(self) -> Denied | None:
        asset, symbol = self._facts.asset, self._request.symbol
        if asset is None or self._is_old("asset", asset.as_of, LimitRule.ASSET_AGE_SECONDS):
            return self._unknown(Rule.ASSET_FACTS, "asset", None if asset is None else asset.as_of)
        self._note(
            tradable=asset.tradable,
            fractionable=asset.fractionable,
            shortable=asset.shortable,
            asset_as_of=asset.as_of,
        )
        if asset.tradable is not True:
            return self._denied(Rule.NOT_TRADABLE, f"the broker does not trade {symbol}")
        self._shares = cut(self._shares, digits=self._digits(asset))
        if not self._shares:
            return self._denied(
                Rule.NOT_FRACTIONABLE, f"nothing stays of {plain(self._request.shares)} shares of {symbol} to order"
            )
        return None

    def _quote(self) -> Denied | None:
        quote = self._facts.quote
        if quote is None or self._is_old("quote", quote.as_of, LimitRule.QUOTE_AGE_SECONDS):
            return self._unknown(Rule.QUOTE_FACTS, "quote", None if quote is None else quote.as_of)
        self._note(
            bid_usd=quote.bid_usd,
            ask_usd=quote.ask_usd,
            last_usd=quote.last_usd,
            quoted_at=quote.quoted_at,
            quote_as_of=quote.as_of,
        )
        if self._is_old("price", quote.quoted_at, LimitRule.PRICE_AGE_SECONDS):
            return self._denied(
                Rule.PRICE_FACTS,
                f"the latest price of {quote.symbol} is of {quote.quoted_at.isoformat()}, "
                f"older than {self._figures['price_age_seconds']} seconds",
            )
        price = price_of(quote, self._request.side)
        if price is None:
            return self._denied(Rule.PRICE_FACTS, f"the quote of {quote.symbol} names no price")
        limited = self._request.limit_price_usd
        if limited is not None:
            # What it may come to at most: a purchase at its limit, a sale at its limit or better.
            price = limited if self._request.side is Side.BUY else max(limited, price)
        self._price = price
        self._note(price_usd=price)
        return None

    def _collar(self) -> Denied | None:
        limits = self._limits(LimitRule.PRICE_COLLAR_PERCENT)
        if not limits or self._facts.quote is None:
            return None
        limited, decided = self._request.limit_price_usd, self._request.reference_price_usd
        reference = decided if limited is None else limited
        self._note(reference_price_usd=reference)
        if reference is None or reference <= 0:
            return self._denied(Rule.PRICE_COLLAR, "there is no price to hold against the quote, and a collar is set")
        quoted = price_of(self._facts.quote, self._request.side) or ZERO
        away = multiply(subtract(quoted, reference).copy_abs(), HUNDRED)
        for limit in limits:
            self._note_limit(limit)
            if away > multiply(limit.value, reference):
                return self._denied(
                    Rule.PRICE_COLLAR,
                    f"the quote of {plain(quoted)} is {plain(quotient(away, reference))[:12]} percent away from "
                    f"{plain(reference)}, more than the {plain(limit.value)} of {limit.scope.named(limit.subject)}",
                )
        return None

    # What else is under way.

    def _opposite(self) -> Denied | None:
        """An order of the other side that is open, of whichever pipeline: the two would trade with each other."""
        for intent in self._intents():
            if intent.symbol != self._request.symbol or intent.side is self._request.side:
                continue
            if intent.ended_at is None:
                named = intent.client_order_id or "without an id of ours"
                self._note(opposite_order=named)
                return self._denied(
                    Rule.OPPOSITE_ORDER, f"an order to {intent.side} {intent.symbol} is open ({named}); this one waits"
                )
        return None

    # What is there to sell.

    def _holdings(self) -> Denied | None:
        """A sale beyond what is held is cut to it, or to whole shares where shares may be sold short."""
        if self._request.side is not Side.SELL:
            return None
        holdings = self._facts.holdings
        if holdings is None or self._is_old("holdings", holdings.as_of, LimitRule.HOLDINGS_AGE_SECONDS):
            return self._unknown(Rule.HOLDINGS_FACTS, "holdings", None if holdings is None else holdings.as_of)
        available, wanted = self._available(holdings), self._shares
        if wanted <= available:
            return None
        asset = self._facts.asset
        self._shares = cut(available, digits=0 if asset is None else self._digits(asset))
        if self._may_short():
            whole = wanted if self._terms.capabilities.fractional_shorting is True else cut(wanted, digits=0)
            self._shares = max(self._shares, whole)
        if not self._shares:
            return self._denied(
                Rule.HOLDINGS,
                f"{plain(available)} shares of {self._request.symbol} are there to be sold, {plain(wanted)} are wanted",
            )
        return None

    def _available(self, holdings: Holdings) -> Decimal:
        held = holdings.of(self._request.symbol)
        counted = held.available_shares is not None
        figure = held.net_shares if held.available_shares is None else held.available_shares
        selling = unseen_sells(self._intents(), self._request.symbol, as_of=holdings.as_of, open_orders_counted=counted)
        self._note(held_shares=held.net_shares, available_shares=held.available_shares, being_sold_shares=selling)
        self._note(holdings_as_of=holdings.as_of)
        return max(subtract(figure, selling), ZERO)

    def _may_short(self) -> bool:
        account, asset = self._facts.account, self._facts.asset
        allowed = (
            account is not None
            and asset is not None
            and self._terms.capabilities.shorting is True
            and account.shorting is True
            and asset.shortable is True
        )
        self._note(may_short=allowed)
        return allowed

    # Limits.

    def _order_size(self) -> Denied | None:
        for rule, limit_rule, value, unit in (
            (Rule.MAX_ORDER_SHARES, LimitRule.MAX_ORDER_SHARES, self._shares, "shares"),
            (Rule.MAX_ORDER_NOTIONAL, LimitRule.MAX_ORDER_NOTIONAL_USD, self._notional, "USD"),
        ):
            for limit in self._limits(limit_rule):
                self._note_limit(limit)
                if value > limit.value:
                    return self._over(rule, f"the order is for {plain(value)} {unit}", limit)
        return None

    def _daily_notional(self) -> Denied | None:
        began = day_began(self._now)
        for limit in self._limits(LimitRule.DAILY_NOTIONAL_USD):
            used = ZERO
            for order in self._counted(limit):
                used = add(used, order.notional_usd if order.placed_at >= began else ZERO)
            self._note_limit(limit, used)
            if add(used, self._notional) > limit.value:
                told = f"{plain(used)} USD were placed since midnight in New York, and this is for"
                return self._over(Rule.DAILY_NOTIONAL, f"{told} {plain(self._notional)}", limit)
        return None

    def _order_rate(self) -> Denied | None:
        for limit in self._limits(LimitRule.ORDERS_PER_MINUTE):
            lately = Decimal(sum(order.placed_at > self._now - MINUTE for order in self._counted(limit)))
            self._note_limit(limit, lately)
            if lately + 1 > limit.value:
                return self._over(Rule.ORDER_RATE, f"{lately} orders were placed within the last minute", limit)
        return None

    def _buying_power(self) -> Denied | None:
        account = self._facts.account
        if self._request.side is not Side.BUY or account is None:
            return None
        self._note(buying_power_usd=account.buying_power_usd)
        if account.buying_power_usd is None:
            return None  # The broker knows no limit.
        try:
            under_way = unseen_cost_usd(
                self._intents(), as_of=account.as_of, prices={self._request.symbol: self._price}
            )
        except Unpriced as unpriced:
            return self._denied(Rule.BUYING_POWER, f"what open orders need of the buying power is unknown: {unpriced}")
        self._note(open_orders_usd=under_way)
        if add(under_way, self._notional) > account.buying_power_usd:
            return self._denied(
                Rule.BUYING_POWER,
                f"{plain(self._notional)} USD are needed and {plain(under_way)} promised to open orders, "
                f"of {plain(account.buying_power_usd)} buying power",
            )
        return None

    # What the rules share.

    @property
    def _notional(self) -> Usd:
        return Usd(multiply(self._shares, self._price))

    def _digits(self, asset: Asset) -> int:
        """How many decimals of a share may be ordered."""
        theirs = (self._terms.capabilities.fractional_digits or 0) if asset.fractionable is True else 0
        ours = self._request.fractional_digits
        return theirs if ours is None else min(ours, theirs)

    def _intents(self) -> list[Intent]:
        return [intent for intent in self._facts.intents if intent.broker == self._request.broker]

    def _limits(self, rule: LimitRule) -> list[Limit]:
        return self._controls.limits_on(self._request, rule)

    def _counted(self, limit: Limit) -> list[Placed]:
        """The orders that a limit adds up: those that it reaches as it reaches this one."""
        return [order for order in self._facts.placed if order.named(limit.scope) == limit.subject]

    def _is_old(self, what: str, at: datetime, rule: LimitRule) -> bool:
        """Tell whether an answer is older than it may be; one from the future says nothing either."""
        limits = [limit.value for limit in self._limits(rule)] or [DEFAULTS[rule]]
        oldest = min(limits)
        self._note(**{f"{what}_age_seconds": oldest})
        age = self._now - at
        return age > span(oldest) or age < -CLOCK_SKEW

    def _unknown(self, rule: Rule, what: str, as_of: datetime | None) -> Denied:
        trouble = self._facts.troubles.get(what)
        self._note(**{f"{what}_as_of": as_of, "trouble": trouble})
        told = f"the broker has not told of the {what} yet; it is asked within a minute"
        if as_of is not None:
            told = f"what the broker says of the {what} is of {as_of.isoformat()}"
            told += f", and may be {self._figures[f'{what}_age_seconds']} seconds old"
        because = "" if trouble is None else f". When last asked: {trouble}"
        return self._denied(rule, f"{told}{because}")

    def _over(self, rule: Rule, what: str, limit: Limit) -> Denied:
        return self._denied(rule, f"{what}; the limit of {limit.scope.named(limit.subject)} is {plain(limit.value)}")

    def _denied(self, rule: Rule, text: str) -> Denied:
        self._note(shares=self._shares)
        return Denied(rule=rule, text=text, figures=self._figures)

    def _note_limit(self, limit: Limit, used: Decimal | None = None) -> None:
        name = f"{limit.rule} of {limit.scope.named(limit.subject)}"
        self._figures[name] = plain(limit.value)
        if used is not None:
            self._figures[f"{name}, used"] = plain(used)

    def _note(self, **figures: object) -> None:
        for name, value in figures.items():
            if value is not None:
                self._figures[name] = shown(value)


def _account_kind(paper: bool | None) -> str:
    return {True: "paper", False: "live", None: "unknown"}[paper]


def _open(is_open: bool) -> str:
    return "open" if is_open else "closed"
