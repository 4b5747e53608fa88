"""Covers: what became of fills: which orders hedge them, which fills they cancel out with, and what is open of them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q

from audit_trail.reports.periods import Period, day_asked
from config.desk.board.fills import FillsOfToday
from config.desk.stories.chain import short_trade
from config.desk.stories.entries import Link, order_link, row_link
from config.read_side import ReadSide
from trading.offchain_order.aggregate import OPEN
from trading.values.arithmetic import ZERO, subtract, total
from trading.values.quantities import Shares

COUNTED_AT_MOST = 500
SHOWN = 50


class Cover(NamedTuple):
    """Shares of a fill that an order was placed for, or that an opposite fill cancels out."""

    shares: Decimal
    link: Link
    released_shares: Decimal = ZERO
    """Given back, since the order ended without filling them."""

    is_under_way: bool = False
    is_reorged: bool = False


class CoveredFill(NamedTuple):
    """A fill of ours, and what stands against it."""

    taken_in_at: datetime
    side: str
    shares: Decimal
    price_usd: Decimal | None
    link: Link
    orders: list[Cover]
    netted: list[Cover]
    open_shares: Decimal

    @property
    def is_under_way(self) -> bool:
        return not self.open_shares and any(cover.is_under_way for cover in self.orders)

    @property
    def state(self) -> str:
        if self.open_shares:
            return "open"
        return "under way" if self.is_under_way else "hedged"


class TodaysFills(NamedTuple):
    """The fills of a symbol since midnight in New York."""

    counts: FillsOfToday
    fills: list[CoveredFill]
    """The newest of them."""


class Hedged(NamedTuple):
    """What an order was placed for."""

    fills: list[tuple[Cover, Any]]
    netted: list[tuple[Decimal, Link, Link, bool]]
    """Shares of two opposite fills that cancelled each other out, and whether a reorg took one of them."""


def fills_of_today(side: ReadSide, symbol: str, *, now: datetime) -> TodaysFills:
    """Tell of each fill of today what hedges it."""
    since = Period.of_day(day_asked(None, now=now)).since
    rows = side.fills.filter(**{f"{side.taken_in_at}__gte": since}, base_symbol=symbol, reorged_at=None)
    found = list(rows.order_by(f"-{side.taken_in_at}", "-pk")[:COUNTED_AT_MOST])
    fills = _covered(found, side)
    is_open = [fill for fill in fills if fill.open_shares]
    open_net = total([fill.open_shares if fill.side == "BUY" else -fill.open_shares for fill in is_open])
    counts = FillsOfToday(
        fills=len(fills),
        is_bound=len(fills) == COUNTED_AT_MOST,
        under_way=sum(fill.is_under_way for fill in fills),
        uncovered=len(is_open),
        uncovered_by_symbol=[(symbol, open_net)] if is_open else [],
    )
    return TodaysFills(counts, fills[:SHOWN])


def hedged_by(side: ReadSide, number: int) -> Hedged:
    """Tell what an order was placed for: the fills that it covers, and those that were netted when it was placed."""
    links = list(side.links.filter(execution_id=number).order_by("pk")[:COUNTED_AT_MOST])
    nettings = list(side.nettings.filter(execution_id=number).order_by("pk")[:COUNTED_AT_MOST])
    keys = {link.trade_id for link in links} | {key for one in nettings for key in (one.trade_id, one.opposite_id)}
    fills = {row.pk: row for row in side.fills.filter(pk__among=keys)}
    return Hedged(
        fills=[(_cover(link, _fill_link(link.trade_id, fills), ()), fills.get(link.trade_id)) for link in links],
        netted=[
            (one.netted_shares, _fill_link(one.trade_id, fills), _fill_link(one.opposite_id, fills), one.reorged)
            for one in nettings
        ],
    )


def _covered(rows: Collection[Any], side: ReadSide) -> list[CoveredFill]:
    keys = {row.pk for row in rows}
    links = list(side.links.filter(trade_id__in=keys).order_by("pk"))
    nettings = list(side.nettings.filter(Q(trade_id__in=keys) | Q(opposite_id__in=keys)).order_by("pk"))
    numbers = {link.execution_id for link in links}
    asked = side.orders.filter(pk__among=numbers, detailed_status__in=sorted(OPEN))
    under_way = set(asked.values_list("pk", flat=True))
    known = {row.pk: row for row in rows}
    others = {key for one in nettings for key in (one.trade_id, one.opposite_id)} - keys
    known |= {row.pk: row for row in side.fills.filter(pk__among=others)}
    return [
        CoveredFill(
            taken_in_at=getattr(row, side.taken_in_at),
            side=row.side,
            shares=row.amount,
            price_usd=row.price_usdc,
            link=row_link(row, short_trade(row)),
            orders=[
                _cover(link, order_link(link.execution_id), under_way) for link in links if link.trade_id == row.pk
            ],
            netted=list(_netted(row.pk, nettings, known)),
            open_shares=row.unlinked_shares,
        )
        for row in rows
    ]


def _cover(link: Any, to: Link, under_way: Collection[int]) -> Cover:
    return Cover(
        shares=Shares(subtract(link.contributed_shares, link.released_shares)),
        link=to,
        released_shares=link.released_shares,
        is_under_way=link.execution_id in under_way,
        is_reorged=link.reorged,
    )


def _netted(key: Any, nettings: Iterable[Any], known: Mapping[Any, Any]) -> Iterable[Cover]:
    for one in nettings:
        if key in (one.trade_id, one.opposite_id):
            other = one.opposite_id if one.trade_id == key else one.trade_id
            yield Cover(one.netted_shares, _fill_link(other, known), is_reorged=one.reorged)


def _fill_link(key: Any, known: Mapping[Any, Any]) -> Link:
    row = known.get(key)
    return Link(f"fill {key}", "") if row is None else row_link(row, short_trade(row))
