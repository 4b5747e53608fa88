"""Window: which days of disclosure a fetch is for, and for which ticker."""

from dataclasses import dataclass
from datetime import date, timedelta

from audit_trail.ingestion.batches import ReadRow

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Days of disclosure, the first and the last among them. Days of trading say nothing of what was known."""

    since: date
    until: date
    ticker: str | None = None

    def __post_init__(self) -> None:
        if self.since > self.until:
            raise ValueError(f"expected a first day that is not after the last, was {self.since} to {self.until}")

    @property
    def narrowed_to(self) -> str | None:
        return None if self.ticker is None else f"ticker {self.ticker}"

    def holds(self, row: ReadRow) -> bool:
        return self.holds_day(row.disclosed_on) and self.ticker in (None, row.symbol)

    def holds_day(self, day: date) -> bool:
        return self.since <= day <= self.until
