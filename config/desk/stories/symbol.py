"""Symbol: how it stands now, whether each fill of today is hedged, and all that became of it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q

from audit_trail.decisions.models import TradeDecision
from config.desk.stories import chain, decided, hedges, spoken
from config.desk.stories.covers import TodaysFills, fills_of_today
from config.desk.stories.entries import Entry
from config.desk.stories.paging import Page, Place, Source, page_of
from config.read_side import ReadSide
from config.terminal.positions import status_of
from trading.conductor.exposure_age import Exposure
from trading.conductor.work import SymbolWait
from trading.pnl.lots import standing_after
from trading.pnl.models import ProfitRow
from trading.position.aggregate import Position
from trading.position.view import state_of
from trading.risk.controls import KillSwitch, RestrictedSymbol
from trading.risk.records import Denial
from trading.risk.scopes import HEDGE, Scope
from trading.values.arithmetic import multiply
from trading.values.quantities import Usd

Sees = Callable[[str], bool]
"""Whether somebody has a permission."""

FILLS = "trading.view_onchaintrade"
ORDERS = "trading.view_offchaintrade"
DENIALS = "trading.view_denial"
DECISIONS = "audit_trail.view_tradedecision"
ATTEMPTS = "audit_trail.view_tradeexecution"
NOTICES = "trading.view_notice"
REQUESTS = "trading.view_operatorrequest"
RISK_CHANGES = "trading.view_riskchange"
PROFITS = "trading.view_profitrow"
SWITCHES = "trading.view_killswitch"
RESTRICTIONS = "trading.view_restrictedsymbol"
WAITS = "trading.view_symbolwait"
EXPOSURES = "trading.view_exposure"
LINKS = "trading.view_tradeexecutionlink"


class NoSuchSymbol(LookupError):
    """Nothing is known of the symbol."""


class Earned(NamedTuple):
    """What a symbol earned, and what closing the rest at the newest fill's price would."""

    realised_usd: Decimal
    unrealised_usd: Decimal
    priced_at: datetime


class Now(NamedTuple):
    """How a symbol stands. What somebody may not see is left out."""

    row: Any
    position: Position
    status: str
    open_usd: Decimal | None
    exposed_since: datetime | None
    oracle: Any
    """The newest fill whose oracle price is known."""

    earned: Earned | None
    wait: SymbolWait | None
    switches: list[KillSwitch]
    restrictions: list[RestrictedSymbol]

    @property
    def is_past(self) -> bool:
        """Whether the net has reached the threshold, whatever is under way against it."""
        return self.position.trigger() is not None


class SymbolStory(NamedTuple):
    symbol: str
    now: Now | None
    """None where we have no position of it: decisions alone are about it."""

    today: TodaysFills | None
    page: Page


def symbol_story(symbol: str, side: ReadSide, *, place: Place | None, sees: Sees, now: datetime) -> SymbolStory:
    """Tell of a symbol what somebody may see. Raises NoSuchSymbol."""
    row = side.positions.filter(symbol=symbol).first()
    page = page_of(_sources(symbol, side, sees), place)
    if row is None and place is None and not _is_about(symbol, page, sees):
        raise NoSuchSymbol(f"We have no position in {symbol}, and nothing was decided or denied of it.")
    is_today_told = row is not None and place is None and sees(FILLS) and sees(LINKS)
    return SymbolStory(
        symbol=symbol,
        now=None if row is None else _now(row, side, sees, now),
        today=fills_of_today(side, symbol, now=now) if is_today_told else None,
        page=page,
    )


def _is_about(symbol: str, page: Page, sees: Sees) -> bool:
    """Tell whether anything on a page is about the symbol: what was changed for everything is no word about it."""
    if page.older is not None or any(each.entry.kind != spoken.RISK_CHANGE for each in page.told):
        return True
    return bool(page.told) and sees(RISK_CHANGES) and spoken.was_changed_for(symbol)


def _now(row: Any, side: ReadSide, sees: Sees, now: datetime) -> Now:
    position = state_of(row)
    exposure = Exposure.objects.filter(symbol=row.symbol).first() if sees(EXPOSURES) else None
    wait = SymbolWait.objects.filter(symbol=row.symbol).first() if sees(WAITS) else None
    price = position.last_price
    known = side.fills.filter(base_symbol=row.symbol, reorged_at=None, pyth_price__isnull=False)
    return Now(
        row=row,
        position=position,
        status=status_of(row, is_exposed=exposure is not None, wait=wait),
        open_usd=None if price is None else multiply(abs(position.net), price.price_usdc),
        exposed_since=None if exposure is None else exposure.since_at,
        oracle=known.order_by(f"-{side.taken_in_at}", "-pk").first() if sees(FILLS) else None,
        earned=_earned(row.symbol) if sees(PROFITS) else None,
        wait=wait,
        switches=_switches(row.symbol) if sees(SWITCHES) else [],
        restrictions=_restrictions(row.symbol, now) if sees(RESTRICTIONS) else [],
    )


def _earned(symbol: str) -> Earned | None:
    newest = ProfitRow.objects.filter(symbol=symbol).order_by("-at", "-rank", "-major", "-minor").first()
    if newest is None:
        return None
    standing = standing_after(newest)
    return Earned(newest.cumulative_usd, standing.inventory.unrealised_usd(Usd(newest.price_usd)), newest.at)


def _switches(symbol: str) -> list[KillSwitch]:
    """The switches that are on and may reach the symbol's hedges: a broker's reaches those at that broker."""
    reaching = Q(scope__in=[Scope.GLOBAL, Scope.BROKER]) | Q(scope=Scope.SYMBOL, subject=symbol)
    return list(KillSwitch.objects.filter(reaching | Q(scope=Scope.STRATEGY, subject=HEDGE), is_on=True).order_by("pk"))


def _restrictions(symbol: str, now: datetime) -> list[RestrictedSymbol]:
    in_force = Q(expires_at=None) | Q(expires_at__gt=now)
    return list(RestrictedSymbol.objects.filter(in_force, symbol=symbol).order_by("pk"))


# What became of it.


def _sources(symbol: str, side: ReadSide, sees: Sees) -> list[Source[Entry]]:
    """Each kind of entry that somebody may see."""
    told: list[Source[Entry]] = []
    if sees(FILLS):
        told.append(lambda place: [*chain.fills(side, symbol, place), *chain.reorgs(side, symbol, place)])
    if sees(DECISIONS):
        told.append(lambda place: _decided(symbol, place, with_attempts=sees(ATTEMPTS)))
    if sees(RISK_CHANGES):
        told.append(lambda place: spoken.risk_changes(symbol, place))
    told.append(lambda place: _hedged(symbol, side, sees, place))
    return told


def _hedged(symbol: str, side: ReadSide, sees: Sees, place: Place | None) -> list[Entry]:
    """Orders and denials, and what was said of them or of the symbol."""
    orders = hedges.orders_of(side, symbol, place) if sees(ORDERS) else []
    denials = hedges.denials(symbol, place) if sees(DENIALS) else []
    entries = [*hedges.steps(orders, side), *map(hedges.denied, denials)]
    numbers = [getattr(order, side.order_number) for order in orders]
    if sees(NOTICES):
        names = {order.client_order_id for order in orders if order.client_order_id is not None}
        entries += spoken.notices(_subjects(symbol, numbers, denials) | names, place)
    if sees(REQUESTS):
        entries += spoken.requests({symbol, *map(str, numbers)}, place)
    return entries


def _subjects(symbol: str, numbers: list[int], denials: list[Denial]) -> set[str]:
    """Under which subjects notices about a symbol are kept."""
    strategies = {HEDGE, *(denial.strategy for denial in denials)}
    return {
        symbol,
        Scope.SYMBOL.named(symbol),
        *(f"{symbol} ({strategy})" for strategy in strategies),
        *(f"order {number}" for number in numbers),
    }


def _decided(symbol: str, place: Place | None, *, with_attempts: bool) -> list[Entry]:
    decisions: list[TradeDecision] = decided.decisions_of(symbol, place)
    attempts = decided.attempts_of(decisions) if with_attempts else []
    ends = [entry for row in decisions for entry in decided.ended(row)]
    return [*map(decided.decided, decisions), *map(decided.attempt, attempts), *ends]
