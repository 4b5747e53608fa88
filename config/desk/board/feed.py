"""Feed: how far behind the chain we are, and whether stations have their turns."""

from datetime import datetime, timedelta
from typing import NamedTuple

from config.terminal.standing import stations
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.ledger.mode import mode_or_none
from trading.ledger.watching import KIND as LEDGER_DIFFERENCE
from trading.notices.models import Notice


class Station(NamedTuple):
    name: str
    status: str
    """`at work`, `failing` or `silent`."""

    last_turn_at: datetime
    failures: int
    last_error: str | None

    @property
    def is_well(self) -> bool:
        return self.status == "at work"


class Feed(NamedTuple):
    """The line from the chain to the books."""

    lag: timedelta | None
    """How old the newest block is that was read; None before the first."""

    block: int | None
    read_at: datetime | None
    stations: list[Station]
    ledger: str
    ledger_differs_since: datetime | None


def feed(*, now: datetime) -> Feed:
    checkpoint = ChainCheckpoint.objects.order_by("-updated_at").first()
    newest = ChainBlock.objects.order_by("-timestamp").values_list("timestamp", flat=True).first()
    difference = Notice.objects.filter(kind=LEDGER_DIFFERENCE, closed_at=None).first()
    return Feed(
        lag=None if newest is None else now - newest,
        block=None if checkpoint is None else checkpoint.next_block - 1,
        read_at=None if checkpoint is None else checkpoint.updated_at,
        stations=[Station(*row) for row in stations(now)],
        ledger=str(mode_or_none() or "none yet"),
        ledger_differs_since=None if difference is None else difference.opened_at,
    )
