"""Switch: changes the mode of the ledger, where both memories say the same and nothing is under way between them."""

from django.db import transaction

from trading.ledger import backlog
from trading.ledger.compare import Difference, compare
from trading.ledger.mode import THE_ROW, LedgerMode, Mode
from trading.ledger.tables import IN_PROGRESS, OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order.aggregate import OPEN
from trading.offchain_order.view import OffchainOrderView

MOST_SHOWN = 20


class NotReady(Exception):
    """The mode can't be changed yet. Nothing was done; `obstacles` say what is in the way."""

    def __init__(self, obstacles: list[str]) -> None:
        super().__init__("; ".join(obstacles))
        self.obstacles = obstacles


def switch_ledger(target: Mode) -> Mode | None:
    """Change the mode in force, in one commit that waits for every step under way. Return the mode before.

    On a fresh database the mode is stored as the first one. Raises NotReady.
    """
    with transaction.atomic(durable=True):
        row = LedgerMode.objects.select_for_update().filter(id=THE_ROW).first()
        if row is None:
            if found := _obstacles(fresh=True):
                raise NotReady(found)
            LedgerMode.objects.create(id=THE_ROW, mode=target)
            return None
        before = Mode(row.mode)
        if before is target:
            return before
        if found := _obstacles(fresh=False):
            raise NotReady(found)
        row.mode = target
        row.save(update_fields=["mode"])
        return before


def _obstacles(*, fresh: bool) -> list[str]:
    """Tell all that is in the way: whichever the modes, both memories must be whole and alike."""
    if fresh and not _has_legacy_rows():
        return []
    found = []
    if waiting := backlog.BackloggedEvent.objects.count():
        found.append(
            f"expected an empty backlog, found {waiting} events: `manage.py drain_backlog`, or mend what keeps them"
        )
    found += [
        f"order {order.pk} ({order.side} {order.symbol}) is open and has no client order id, so it can't be asked for: "
        "end it first"
        for order in _nameless()
    ]
    # As in `dual`: each legacy row must have its stream, each stream its row, and all must say the same. There may be
    # a million differences, so they are counted and not kept.
    more = 0
    for shown, each in enumerate(compare(Mode.DUAL)):
        if shown < MOST_SHOWN:
            found.append(_told(each))
        else:
            more += 1
    if more:
        found.append(f"and {more} differences more: `manage.py compare_ledgers --as-dual`")
    return found


def _nameless() -> list[OffchainTrade | OffchainOrderView]:
    """The open orders, of either memory, that have no id of ours."""
    legacy = OffchainTrade.objects.filter(status__in=IN_PROGRESS, client_order_id=None).order_by("id")
    viewed = OffchainOrderView.objects.filter(
        detailed_status__in=[state.value for state in OPEN], client_order_id=None
    ).order_by("execution_id")
    rows: dict[int, OffchainTrade | OffchainOrderView] = {row.execution_id: row for row in viewed[:MOST_SHOWN]}
    rows.update((row.id, row) for row in legacy[:MOST_SHOWN])
    return [rows[number] for number in sorted(rows)[:MOST_SHOWN]]


def _told(each: Difference) -> str:
    if each.what == "stream" and each.events is None:
        return f"{each.kind} {each.subject} has a legacy row and no stream: `manage.py migrate_to_events`"
    legacy, events = ("nothing" if cell is None else cell for cell in (each.legacy, each.events))
    return f"{each.kind} {each.subject}: {each.what} is {legacy} in the legacy tables, {events} in the events"


def _has_legacy_rows() -> bool:
    return any(model.objects.exists() for model in (OnchainTrade, OffchainTrade, TradeAccumulator))
