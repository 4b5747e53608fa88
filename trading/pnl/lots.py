"""Lots: what is open in a symbol at a place among its fills, from the last row that keeps it on."""

from decimal import Decimal
from typing import NamedTuple

from trading.pnl.fifo import Inventory
from trading.pnl.models import Place, ProfitRow
from trading.values.arithmetic import ZERO, add
from trading.values.symbols import Symbol

READ_AT_ONCE = 200


class Standing(NamedTuple):
    """What is open, and what was realised so far."""

    inventory: Inventory
    realised_usd: Decimal


def standing_before(symbol: Symbol, place: Place) -> Standing:
    """Tell how a symbol stands just before a place."""
    return _standing(symbol, place, without=True)


def standing_after(row: ProfitRow) -> Standing:
    """Tell how a symbol stands after a fill of it."""
    return _standing(Symbol(row.symbol), row.place, without=False)


def _standing(symbol: Symbol, place: Place, *, without: bool) -> Standing:
    passed: list[ProfitRow] = []
    inventory, realised = Inventory(), ZERO
    earlier = ProfitRow.objects.filter(symbol=symbol, at__lte=place.at).order_by("-at", "-rank", "-major", "-minor")
    for row in earlier.iterator(chunk_size=READ_AT_ONCE):
        if row.place > place or (without and row.place == place):
            continue
        if (kept := row.inventory()) is not None:
            inventory, realised = kept, row.cumulative_usd
            break
        passed.append(row)
    for row in reversed(passed):
        inventory, earned = inventory.after(row.fill())
        realised = add(realised, earned or ZERO)
    return Standing(inventory, realised)
