"""Origins: the strategies behind decisions of the portfolio, which are stored under its name; their rationale says."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection

from audit_trail.days.drafting import PORTFOLIO
from audit_trail.reports.periods import Period

MILLION = 1_000_000

# A strength is counted in millionths, whole and rest apart: the sum of neither is too large for SQLite.
_COUNTED = "count(*), sum(strength_order / 1000000), sum(strength_order %% 1000000)"
_ON_POSTGRESQL = """
    SELECT origin ->> 'name', status, failure_kind, {counted}
    FROM trade_decisions
    CROSS JOIN LATERAL json_array_elements(
        CASE json_typeof(decision_rationale::json #> '{{source_data,strategies}}')
        WHEN 'array' THEN decision_rationale::json #> '{{source_data,strategies}}' ELSE '[]' END
    ) AS origin
    WHERE strategy_name = %s AND decided_at >= %s AND decided_at < %s
    GROUP BY 1, 2, 3
"""
_ON_SQLITE = """
    SELECT CASE origin.type WHEN 'object' THEN json_extract(origin.value, '$.name') END, status, failure_kind, {counted}
    FROM trade_decisions, json_each(decision_rationale, '$.source_data.strategies') AS origin
    WHERE strategy_name = %s AND decided_at >= %s AND decided_at < %s
    GROUP BY 1, 2, 3
"""


class Count(NamedTuple):
    """How many decisions came to one end for one reason, and how strong they were in all, in millionths."""

    strategy: str
    status: str
    failure_kind: str | None
    decisions: int
    strength: int


def origins_counted(period: Period) -> Iterator[Count]:
    """Count the portfolio's decisions by each strategy that had a part in them; one may count for several."""
    told = _ON_POSTGRESQL if connection.vendor == "postgresql" else _ON_SQLITE
    moments = [connection.ops.adapt_datetimefield_value(at) for at in (period.since, period.until)]
    with connection.cursor() as cursor:
        cursor.execute(told.format(counted=_COUNTED), [PORTFOLIO, *moments])
        rows: list[Any] = cursor.fetchall()
    for name, status, kind, decisions, whole, rest in rows:
        if name is not None:
            yield Count(name, status, kind, int(decisions), int(whole) * MILLION + int(rest))
