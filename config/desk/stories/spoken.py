"""Spoken: what operators were told, what they asked for, and what they changed of the risk gate."""

from collections.abc import Collection

from config.desk.stories.entries import BAD, WARN, Entry, Rank, row_link, sentence
from config.desk.stories.paging import Place, rows_after
from trading.conductor.verbs.requests import OperatorRequest, RequestState
from trading.notices.models import Notice
from trading.risk.controls import KillSwitch, RestrictedSymbol, RiskChange, RiskLimit
from trading.risk.rules import LimitRule
from trading.risk.scopes import HEDGE, Scope
from trading.values.sides import Side


def notices(subjects: Collection[str], place: Place | None = None) -> list[Entry]:
    rows = Notice.objects.filter(subject__in=sorted(subjects))
    return [_notice(row) for row in rows_after(rows, place, at="opened_at", rank=Rank.NOTICE)]


def requests(subjects: Collection[str], place: Place | None = None) -> list[Entry]:
    rows = OperatorRequest.objects.filter(subject__in=sorted(subjects))
    return [_request(row) for row in rows_after(rows, place, at="asked_at", rank=Rank.REQUEST)]


def risk_changes(symbol: str, place: Place | None = None) -> list[Entry]:
    """Changes of what reaches orders of a symbol: its own switch, restrictions and limits, and those of all hedges."""
    rows = RiskChange.objects.filter(control__in=list(_CONTROLS), subject__in=_reaching(symbol))
    return [_risk_change(row) for row in rows_after(rows, place, at="at", rank=Rank.RISK_CHANGE)]


def was_changed_for(symbol: str) -> bool:
    """Tell whether anything was ever changed for a symbol by its name."""
    return RiskChange.objects.filter(control__in=list(_CONTROLS), subject__in=_named_for(symbol)).exists()


RISK_CHANGE = "risk change"
_CONTROLS = {
    KillSwitch.kind: "the kill switch",
    RestrictedSymbol.kind: "the restriction",
    RiskLimit.kind: "the limit",
}


def _reaching(symbol: str) -> list[str]:
    return [*_named_for(symbol), *_scoped(Scope.GLOBAL.named("")), *_scoped(Scope.STRATEGY.named(HEDGE))]


def _named_for(symbol: str) -> list[str]:
    return [*_scoped(Scope.SYMBOL.named(symbol)), symbol, *(f"{symbol} {side.value}" for side in Side)]


def _scoped(scope: str) -> list[str]:
    """What a switch and the limits of a scope are called."""
    return [scope, *(f"{rule}, {scope}" for rule in LimitRule)]


def _notice(row: Notice) -> Entry:
    again = (
        "" if row.times == 1 else f" It was met {row.times} times, the last {row.last_met_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    over = " It is open." if row.closed_at is None else f" It was closed {row.closed_at:%Y-%m-%d %H:%M:%S} UTC."
    return Entry(
        at=row.opened_at,
        kind="notice",
        sentence=f"Operators were told ({row.kind.replace('_', ' ')}): {sentence(row.text)}{again}{over}",
        links=(row_link(row, "notice"),),
        tone=BAD if row.closed_at is None else WARN,
        rank=Rank.NOTICE,
        key=row.pk,
    )


def _request(row: OperatorRequest) -> Entry:
    outcome = "" if row.outcome is None else f": {row.outcome}"
    what = "".join(f", {name.replace('_', ' ')} {told}" for name, told in row.said.items())
    return Entry(
        at=row.asked_at,
        kind="request",
        sentence=f"{row.actor} asked to {row.verb.replace('_', ' ')} ({row.subject}{what}), since "
        f"“{row.reason}”. It is {sentence(f'{row.state}{outcome}')}",
        links=(row_link(row, "request"),),
        tone=WARN if row.state == RequestState.REFUSED else "",
        rank=Rank.REQUEST,
        key=row.pk,
    )


def _risk_change(row: RiskChange) -> Entry:
    return Entry(
        at=row.at,
        kind=RISK_CHANGE,
        sentence=f"{row.actor} set {_CONTROLS[row.control]} ({row.subject}) to {row.after}, since “{row.reason}”. "
        f"Before it was {row.before or 'not there'}.",
        links=(row_link(row, "change"),),
        tone=WARN,
        rank=Rank.RISK_CHANGE,
        key=row.pk,
    )
