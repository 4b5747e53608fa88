"""The operator: what a person does in a day beside the stations, by what the pages and commands do."""

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from config.demo.serve import USER
from config.demo.steps import PRICES, Take
from config.schedules import SCHEDULES
from eventstore.access.tokens import EVERYTHING, make_token, revoke_token
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb, ask
from trading.risk.controls import RestrictedSymbol, RiskLimit, change, throw
from trading.risk.records import Denial
from trading.risk.rules import LimitRule
from trading.risk.scopes import Scope
from trading.values.identifiers import OrderId
from trading.values.sides import Side

SWITCHED_OFF, RESTRICTED = "MSFT", "GME"
FORBIDDEN = (SWITCHED_OFF, RESTRICTED)

LIMITS = {
    LimitRule.MAX_ORDER_SHARES: (Decimal(500), "no hedge of ours is larger; more is a mistake of somebody's"),
    LimitRule.DAILY_NOTIONAL_USD: (Decimal(2_000_000), "what the credit line bears in a day"),
}
TOKEN_FOR = timedelta(days=90)

CHORES = ("table_samples", "alert_delivery")
"""What django-q2 or cron does beside `conduct`, of which the demo runs neither."""


def open_the_day() -> list[str]:
    """Set the day's limits, and let a dashboard in to the API. Return what was done, in words."""
    now = timezone.now()
    for rule, (value, reason) in LIMITS.items():
        change(RiskLimit(rule=rule, scope=Scope.GLOBAL, value=value), reason=reason, actor=USER, at=now)
    lost, new = (
        make_token(name="the wall's dashboard", user=USER, scopes=[EVERYTHING], expires_at=now + TOKEN_FOR, at=now)
        for _ in range(2)
    )
    revoke_token(lost.row.key, at=timezone.now())
    return [f"sets {len(LIMITS)} limits, revokes API token {lost.row.key} and makes {new.row.key} in its place"]


def forbid() -> list[str]:
    """Throw the kill switch of one symbol, and restrict another. Return what was done, in words."""
    now = timezone.now()
    throw(Scope.SYMBOL, SWITCHED_OFF, on=True, reason="its figures come before the close", actor=USER, at=now)
    change(RestrictedSymbol(symbol=RESTRICTED), reason="halted at the exchange for news", actor=USER, at=now)
    return [f"throws the kill switch of {SWITCHED_OFF}, and restricts {RESTRICTED}"]


def allow() -> list[str]:
    """Take back what was forbidden. Return what was done, in words."""
    now = timezone.now()
    throw(Scope.SYMBOL, SWITCHED_OFF, on=False, reason="its figures are out", actor=USER, at=now)
    change(RestrictedSymbol(symbol=RESTRICTED, expires_at=now), reason="it trades again", actor=USER, at=now)
    return [f"releases the kill switch of {SWITCHED_OFF}, and lifts the restriction of {RESTRICTED}"]


def tempting() -> list[Take]:
    """Fills that would each be hedged, were it not forbidden."""
    return [Take(each, Side.BUY, Decimal("1.5"), PRICES[each]) for each in FORBIDDEN]


def not_denied_yet() -> list[str]:
    denied = set(Denial.objects.values_list("symbol", flat=True))
    return [f"the hedge of {each} is not denied yet" for each in FORBIDDEN if each not in denied]


def still_denied() -> list[str]:
    return [f"{each} still stands" for each in Denial.objects.filter(symbol__in=FORBIDDEN, ended_at=None)]


def ask_about(orders: Collection[OrderId]) -> list[str]:
    """Ask the clerk to look at an order that has ended, and to cancel it, which is refused."""
    number, now = min(orders), timezone.now()
    ask(Verb.RECHECK_ORDER, number, actor=USER, reason="the broker's statement shows it twice", now=now)
    ask(Verb.CANCEL_ORDER, number, actor=USER, reason="it was meant for tomorrow", now=now)
    return [f"has order {number} rechecked, and wants it cancelled"]


def unanswered() -> list[str]:
    left = OperatorRequest.objects.filter(state__in=(RequestState.WAITING, RequestState.WORKING))
    return [f"{each} is {each.state}" for each in left]


def do_chores() -> None:
    """Do what runs by schedule."""
    for scheduled in SCHEDULES:
        if scheduled.name in CHORES:
            scheduled.run()
