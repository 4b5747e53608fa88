"""Merging: positions that several strategies sized for one symbol become one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import assert_never

from audit_trail.strategies.parameters import Merging
from trading.values.arithmetic import quotient, total


class NothingToMerge(ValueError):
    """No strategy has a value, or merging is not what was chosen. Whoever asked went wrong."""


def merged_usd(values: Mapping[str, Decimal], how: Merging) -> Decimal:
    """Make one value of what each strategy, by name, would hold of a symbol; negative where it would owe it."""
    if not values:
        raise NothingToMerge("expected the value of at least one strategy, was none")
    match how:
        case Merging.ADDITIVE:
            return total([*values.values()])
        case Merging.AVERAGE:
            return quotient(total([*values.values()]), Decimal(len(values)))
        case Merging.MAX:
            # Of two that are as large, one long and one short, the first strategy by name has it.
            return max((values[name] for name in sorted(values)), key=lambda value: value.copy_abs())
        case Merging.NET:
            raise NothingToMerge("expected a way of merging values, was net, which merges scores")
        case _:
            assert_never(how)
