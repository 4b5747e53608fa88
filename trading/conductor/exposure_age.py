"""Exposure age: since when a symbol's net has been at or past its threshold unhedged, and a notice when that is long.

What a broker has not filled is not hedged, whatever is under way. An age begins at the fill on chain that took the net
past its threshold, and is a row, so that a restart forgets nothing. When the broker fills a part, what is left is the
newest part, and is as old as the fill that it came with. Where no fill explains it (an operator set the net or the
threshold), it begins when it is first seen.

While the market is closed exposure waits for the opening, so its patience begins there; before a close there is less of
it, since what is open then stays open over night.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec
import structlog
from django.db import models

from trading.brokers.port import Broker
from trading.ledger.book import Ledger
from trading.market_hours.calendar import Session, session_at
from trading.notices.models import close_notice, open_notice
from trading.onchain_trade.aggregate import OnChainTrade
from trading.position.aggregate import Position
from trading.values.arithmetic import ZERO, add, plain, subtract
from trading.values.quantities import Shares
from trading.values.sides import Side

log = structlog.get_logger(__name__)

KIND = "exposure_aging"
LIMIT = timedelta(minutes=5)
BEFORE_CLOSE = timedelta(minutes=15)
LOOK_EVERY = timedelta(seconds=1)
TELL_EVERY = timedelta(minutes=1)
FILLS_LOOKED_AT = 200


class Exposure(models.Model):
    """A symbol whose net is at or past its threshold; there is no row where there is nothing to hedge."""

    symbol = models.CharField(max_length=32, primary_key=True)
    since_at = models.DateTimeField(help_text="when it was taken past its threshold")
    told_at = models.DateTimeField(null=True, help_text="when an operator was last told of it")

    class Meta:
        db_table = "exposures"

    def __str__(self) -> str:
        return f"{self.symbol} since {self.since_at}"


class _Look(NamedTuple):
    """What one look finds to write."""

    opened: dict[str, datetime]
    younger: dict[str, datetime]
    gone: list[str]
    told: list[tuple[Position, datetime, datetime | None]]
    """Each with since when it is open, and when it was last told of."""


class ExposureWatch:
    """Measures how old open exposure is. It places nothing: it tells where nothing else got on."""

    name = "exposure_watch"

    def __init__(
        self, *, broker: Broker, ledger: Ledger, limit: timedelta = LIMIT, before_close: timedelta = BEFORE_CLOSE
    ) -> None:
        self._broker, self._ledger = broker, ledger
        self._limit, self._before_close = limit, before_close
        self._looked_at: datetime | None = None
        self._hedged: dict[str, tuple[Shares, Shares]] = {}

    def run_once(self, *, now: datetime) -> bool:
        """Look, once a second at most. Never more to do at once."""
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        session = session_at(now)
        look = self._look(session, now)
        if any(look):
            with self._ledger.step(at=now, actor=self.name):
                self._write(look, session, now)
        return False

    def _look(self, session: Session | None, now: datetime) -> _Look:
        unhedged = {each.symbol: each for each in self._ledger.memory().positions() if self._is_past(each)}
        rows = {row.symbol: row for row in Exposure.objects.all()}
        found = _Look({}, {}, [symbol for symbol in rows if symbol not in unhedged], [])
        for symbol, position in unhedged.items():
            row = rows.get(symbol)
            since = self._since(position, row, now)
            if row is None:
                found.opened[symbol] = since
            elif since > row.since_at:
                found.younger[symbol] = since
            told_at = None if row is None else row.told_at
            if self._is_too_old(since, session, now) and (told_at is None or now - told_at >= TELL_EVERY):
                found.told.append((position, since, told_at))
        self._hedged = {symbol: _hedged(position) for symbol, position in unhedged.items()}
        return found

    def _is_past(self, position: Position) -> bool:
        """Whether a hedge would be due if none were under way: what can't be hedged yet does not age."""
        idle = msgspec.structs.replace(position, pending=None)
        return idle.hedge_due(fractional_digits=self._broker.capabilities.fractional_digits) is not None

    def _since(self, position: Position, row: Exposure | None, now: datetime) -> datetime:
        if row is not None and self._hedged.get(position.symbol) == _hedged(position):
            return row.since_at
        known = now if row is None else row.since_at
        found = self._passed_at(position, self._ledger.memory().newest_trades(limit=FILLS_LOOKED_AT))
        if found is None:
            return known
        return min(found, now) if row is None else max(min(found, now), known)

    def _passed_at(self, position: Position, newest: Sequence[OnChainTrade]) -> datetime | None:
        """The time of the fill that took the net past its threshold: take one after the other back until it is not."""
        net, passed_at = position.net, None
        for fill in (trade.fill for trade in newest):
            if fill is None or fill.symbol != position.symbol:
                continue
            net = Shares((subtract if fill.side is Side.BUY else add)(net, fill.amount))
            passed_at = fill.block_timestamp
            if not _same_side(net, position.net) or not self._is_past(_with_net(position, net)):
                return passed_at
        # As far as was looked it was past; where all was looked at, no fill took it there.
        return passed_at if len(newest) == FILLS_LOOKED_AT else None

    def _is_too_old(self, since: datetime, session: Session | None, now: datetime) -> bool:
        waited = open_in_session(since, session, now=now)
        if session is None or waited is None:
            return False
        return waited >= self._limit or session.closes_at - now <= self._before_close

    def _write(self, look: _Look, session: Session | None, now: datetime) -> None:
        # Another process looks too: what it wrote meanwhile stays, and the next look mends what no longer holds.
        Exposure.objects.bulk_create(
            [Exposure(symbol=symbol, since_at=since) for symbol, since in look.opened.items()], ignore_conflicts=True
        )
        for symbol, since in look.younger.items():
            Exposure.objects.filter(symbol=symbol, since_at__lt=since).update(since_at=since)
        for symbol in look.gone:
            Exposure.objects.filter(symbol=symbol).delete()
            close_notice(KIND, symbol, at=now)
        for position, since, told_at in look.told:
            # Only who finds the row as it was tells, so that no notice stands without a row that closes it.
            if session and Exposure.objects.filter(symbol=position.symbol, told_at=told_at).update(told_at=now):
                self._tell(position, since, session, now)

    def _tell(self, position: Position, since: datetime, session: Session, now: datetime) -> None:
        symbol, net = position.symbol, plain(position.net)
        order = "no order is" if position.pending is None else f"order {position.pending.order_id} is"
        log.warning("Exposure is not hedged", symbol=symbol, net_shares=net, since_at=since.isoformat())
        open_notice(
            KIND,
            symbol,
            f"a net of {net} {symbol} has been past its threshold of {position.threshold} since "
            f"{since:%Y-%m-%d %H:%M:%S} UTC and is not hedged; {order} under way, and the market closes at "
            f"{session.closes_at:%H:%M} UTC. Look at the orders of {symbol}, whether it waits or is halted, and "
            "whether the broker can be reached",
            at=now,
        )


def open_in_session(since: datetime, session: Session | None, *, now: datetime) -> timedelta | None:
    """For how long exposure has been open while it could be hedged; None while the market is closed."""
    return None if session is None else now - max(since, session.opens_at)


def _hedged(position: Position) -> tuple[Shares, Shares]:
    return position.broker_bought, position.broker_sold


def _same_side(net: Decimal, other: Decimal) -> bool:
    return (net > ZERO) == (other > ZERO) and net != ZERO


def _with_net(position: Position, net: Shares) -> Position:
    long, short = (net, Shares(ZERO)) if net > ZERO else (Shares(ZERO), Shares(net.copy_negate()))
    return msgspec.structs.replace(position, accumulated_long=long, accumulated_short=short)
