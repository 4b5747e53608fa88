"""Checking: the gate with its rows. An order is checked in the transaction that places it, or looked at without one."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from django.db.models import CharField, DateTimeField, F, Q, TextField, Value
from django.db.models.functions import Cast

from trading.brokers.orders import CLOCK_SKEW
from trading.fields import exact
from trading.risk.controls import KillSwitch, RestrictedSymbol, RiskLimit, lock_controls
from trading.risk.facts import known
from trading.risk.gate import Verdict, decide
from trading.risk.intents import Intent
from trading.risk.reading import MINUTE, day_began, span
from trading.risk.records import placed_since
from trading.risk.rules import DEFAULTS, LimitRule
from trading.risk.scopes import Scope
from trading.risk.situation import Controls, Facts, Limit, Request, Restriction, Switch, Terms
from trading.values.sides import Side
from trading.values.symbols import Symbol

Intents = Callable[[datetime], Iterable[Intent]]
"""Lists orders that are open, or ended since a time: the hedges', or another pipeline's."""

KnownFacts = Callable[[str, Collection[Symbol]], dict[Symbol, Facts]]


class Gate:
    """What every order at one broker passes before it is placed, whoever places it."""

    def __init__(
        self,
        *,
        broker: str,
        terms: Terms,
        intents: Sequence[Intents],
        session_open: Callable[[datetime], bool | None] | None = None,
        facts: KnownFacts = known,
    ) -> None:
        """Take all pipelines' orders from `intents`; ask the market's calendar by `session_open`, where it is given."""
        self._broker, self._intents = broker, tuple(intents)
        self._terms = msgspec.structs.replace(terms, calendar=session_open is not None)
        self._session_open, self._facts = session_open, facts

    def check(self, request: Request, *, now: datetime) -> Verdict:
        """Decide on one order, inside the transaction that places it, which then holds every other order off.

        So no two orders are let through on the same figures, and none is committed after a kill switch was thrown.
        """
        lock_controls()
        return self.look([request], now=now)[request.symbol]

    def look(self, requests: Sequence[Request], *, now: datetime) -> dict[Symbol, Verdict]:
        """Tell what would be decided now, of one order a symbol. It is no leave to place anything."""
        if not requests:
            return {}
        if strangers := {request.broker for request in requests} - {self._broker}:
            raise ValueError(f"expected orders at {self._broker}, was {', '.join(sorted(strangers))}")
        controls = controls_in_force(now)
        facts = self._facts(self._broker, [request.symbol for request in requests])
        facts = self._with_orders(facts, requests, controls, now)
        return {
            request.symbol: decide(request, terms=self._terms, controls=controls, facts=facts[request.symbol], now=now)
            for request in requests
        }

    def _with_orders(
        self, facts: dict[Symbol, Facts], requests: Sequence[Request], controls: Controls, now: datetime
    ) -> dict[Symbol, Facts]:
        """Add what is under way and what was placed, as far as any rule asks for it."""
        since = _counted_since(controls, now)
        # Hedges alone have one order a symbol, so that none is opposite to another.
        asks = len(self._intents) > 1 or any(_asks_for_intents(request, facts[request.symbol]) for request in requests)
        intents = (
            tuple(chain.from_iterable(each(_ended_since(facts.values(), controls, now)) for each in self._intents))
            if asks
            else ()
        )
        names = [intent.client_order_id for intent in intents if intent.client_order_id is not None]
        placed, prices = placed_since(since, also=names) if since is not None or names else ([], {})
        priced = tuple(
            msgspec.structs.replace(intent, price_usd=prices.get(intent.client_order_id or "")) for intent in intents
        )
        session_open = None if self._session_open is None else self._session_open(now)
        return {
            symbol: msgspec.structs.replace(known, session_open=session_open, intents=priced, placed=tuple(placed))
            for symbol, known in facts.items()
        }


def controls_in_force(now: datetime) -> Controls:
    """Everything that operators have in force, in one query."""
    switches, restrictions, limits = [], [], []
    for kind, scope, subject, name, text, at in _rows(now):
        match kind:
            case KillSwitch.kind:
                switches.append(Switch(scope=Scope(scope), subject=subject, reason=text))
            case RestrictedSymbol.kind:
                side = Side(name) if name else None
                restrictions.append(Restriction(symbol=Symbol(subject), side=side, expires_at=at, reason=text))
            case _:
                limits.append(Limit(rule=LimitRule(name), scope=Scope(scope), subject=subject, value=exact(text)))
    return Controls(switches=tuple(switches), restrictions=tuple(restrictions), limits=tuple(limits))


def _rows(now: datetime) -> Iterable[tuple[Any, ...]]:
    def told(kind: str, **columns: Any) -> dict[str, Any]:
        kinds = {"told_kind": Value(kind, CharField())}
        return kinds | {f"told_{name}": value for name, value in columns.items()}

    names = ("told_kind", "told_scope", "told_subject", "told_name", "told_text", "told_at")
    nothing = Value("", CharField())
    never = Value(None, DateTimeField())
    standing = Q(expires_at=None) | Q(expires_at__gt=now)
    restrictions = RestrictedSymbol.objects.filter(standing).annotate(
        **told(
            RestrictedSymbol.kind,
            scope=nothing,
            subject=F("symbol"),
            name=F("side"),
            text=F("reason"),
            at=F("expires_at"),
        )
    )
    switches = KillSwitch.objects.filter(is_on=True).annotate(
        **told(KillSwitch.kind, scope=F("scope"), subject=F("subject"), name=nothing, text=F("reason"), at=never)
    )
    limits = RiskLimit.objects.exclude(value=None).annotate(
        **told(
            RiskLimit.kind,
            scope=F("scope"),
            subject=F("subject"),
            name=F("rule"),
            text=Cast("value", TextField()),
            at=never,
        )
    )
    # Times are read as the first part's column is, so that one comes first which has any.
    parts = [each.order_by().values_list(*names) for each in (restrictions, switches, limits)]
    return parts[0].union(*parts[1:], all=True)


def _counted_since(controls: Controls, now: datetime) -> datetime | None:
    """How far back orders are counted by the limits in force; None where none counts any."""
    rules = {limit.rule for limit in controls.limits}
    if LimitRule.DAILY_NOTIONAL_USD in rules:
        return min(day_began(now), now - MINUTE)
    return now - MINUTE if LimitRule.ORDERS_PER_MINUTE in rules else None


def _ended_since(facts: Iterable[Facts], controls: Controls, now: datetime) -> datetime:
    """How far back an order may have ended that the figures do not hold. Figures that are too old deny it anyway."""
    rules = (LimitRule.ACCOUNT_AGE_SECONDS, LimitRule.HOLDINGS_AGE_SECONDS)
    ages = [limit.value for limit in controls.limits if limit.rule in rules] + [DEFAULTS[rule] for rule in rules]
    asked = [each.as_of for known in facts for each in (known.account, known.holdings) if each is not None]
    return max(min(asked, default=now), now - span(max(ages))) - CLOCK_SKEW


def _asks_for_intents(request: Request, facts: Facts) -> bool:
    if request.side is Side.SELL:
        return True
    return facts.account is not None and facts.account.buying_power_usd is not None
