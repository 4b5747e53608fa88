"""Standing: the whole board, read at one moment."""

from datetime import datetime
from typing import NamedTuple

from config.desk.board.denials import Held, denied_for_a_while, held
from config.desk.board.exposures import SymbolExposure, exposures, most_exposed
from config.desk.board.feed import Feed, feed
from config.desk.board.fills import FillsOfToday, NewFill, fills_of_today, newest_fills
from config.desk.board.hedges import Hedges, hedges
from config.desk.board.today import Today, today
from config.desk.board.verdict import Verdict, verdict
from config.monitoring.health import Limits
from config.read_side import read_side
from config.terminal.positions import HALTED, WAITING
from eventstore.moments import one_moment
from trading.ledger.backlog import short_timeouts

EXPOSURES_SHOWN = 20
STOPPED = (HALTED, WAITING)
"""Past their threshold, with nothing on its way: the broker refused, or five times."""


class Board(NamedTuple):
    at: datetime
    verdict: Verdict
    exposures: list[SymbolExposure]
    more_exposures: int
    most_exposed: SymbolExposure | None
    hedges: Hedges
    fills: list[NewFill]
    today_fills: FillsOfToday
    feed: Feed
    held: Held
    today: Today | None
    """None for who may not see decisions."""


def board(limits: Limits, *, now: datetime, with_decisions: bool) -> Board:
    """Read everything in one look, so that it fits together, and with no statement that takes for ever."""
    with one_moment(), short_timeouts():
        side = read_side()
        exposed, under_way = exposures(side), hedges(side)
        past = [each for each in exposed if each.is_past]
        denied = denied_for_a_while(now=now) if past else set()
        held_back = [each.symbol for each in past if each.status in STOPPED or each.symbol in denied]
        is_at_work = bool(under_way.orders) or len(held_back) < len(past)
        covered = fills_of_today(side, now=now)
        return Board(
            at=now,
            verdict=verdict(
                limits,
                now=now,
                is_at_work=is_at_work,
                held_back=held_back,
                has_open_rest=bool(covered.uncovered),
            ),
            exposures=exposed[:EXPOSURES_SHOWN],
            more_exposures=max(len(exposed) - EXPOSURES_SHOWN, 0),
            most_exposed=most_exposed(exposed),
            hedges=under_way,
            fills=newest_fills(side),
            today_fills=covered,
            feed=feed(now=now),
            held=held(),
            today=today(now=now) if with_decisions else None,
        )
