"""Known: what was known at the moment of deciding, and nothing that came later.

A record counts if it was public and with us by then, in the newest version that was. When a trade happened is no
reason to know of it: a politician may report one 45 days later.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import TypeVar

from audit_trail.strategies.records import DailyBar, LatestPrice, NotARecord, PoliticianScore, Record, RecordRef
from audit_trail.strategies.signals import Dropped, Reason
from trading.market_hours.calendar import NEW_YORK

R = TypeVar("R", bound=Record)


class NotAMoment(ValueError):
    """A time without a zone names no moment."""


class Known:
    """What was known at a moment. The same records in another order are the same knowledge. Raises NotARecord."""

    def __init__(self, records: Iterable[Record], *, as_of: datetime) -> None:
        if as_of.tzinfo is None:
            raise NotAMoment(f"expected the moment of deciding with a zone, was {as_of!r}")
        self.as_of = as_of
        self.dropped: tuple[Dropped, ...]
        """What was handed in, and was not known yet or is superseded."""

        self._by_kind: dict[type[Record], list[Record]] = {}
        dropped: list[Dropped] = []
        for record in self._newest([*records], dropped):
            self._by_kind.setdefault(type(record), []).append(record)
        self.dropped = tuple(dropped)
        self._refs = {record.ref for records in self._by_kind.values() for record in records}

    @property
    def day(self) -> date:
        """The market's day on which is decided."""
        return self.as_of.astimezone(NEW_YORK).date()

    def of(self, kind: type[R]) -> list[R]:
        """List the records of a kind, by source and number."""
        return list(self._by_kind.get(kind, ()))  # type: ignore[arg-type]

    def has(self, ref: RecordRef) -> bool:
        """Tell whether a record, in this version, was known."""
        return ref in self._refs

    def of_kinds(self, kinds: Iterable[type[Record]]) -> list[Record]:
        """List the records of several kinds."""
        return [record for kind in kinds for record in self._by_kind.get(kind, ())]

    def _newest(self, records: list[Record], dropped: list[Dropped]) -> list[Record]:
        newest: dict[tuple[str, int], Record] = {}
        for record in sorted(records, key=lambda one: (one.ref.place, one.known_at)):
            if not record.was_known(self.as_of):
                dropped.append(self._not_known(record))
                continue
            older = newest.get(record.ref.place[:2])
            if older is not None and older.ref.version == record.ref.version and older != record:
                raise NotARecord(f"expected one record as {record.ref}, found two that differ: {older} and {record}")
            if older is not None:
                dropped.append(_superseded(older, by=record.ref))
            newest[record.ref.place[:2]] = record
        return list(newest.values())

    def _not_known(self, record: Record) -> Dropped:
        public = "" if record.disclosed_at is None else f" and public since {record.disclosed_at.isoformat()}"
        return Dropped(
            strategy=None,
            symbol=named(record),
            reason=Reason.NOT_KNOWN_YET,
            text=f"with us since {record.known_at.isoformat()}{public}; decided as of {self.as_of.isoformat()}",
            records=(record.ref,),
        )


def named(record: Record) -> str:
    """What a record is about, as its source writes it."""
    match record:
        case DailyBar(symbol=symbol) | LatestPrice(symbol=symbol):
            return symbol
        case PoliticianScore(politician=politician):
            return politician
        case _:
            return str(getattr(record, "ticker", ""))


def _superseded(record: Record, *, by: RecordRef) -> Dropped:
    return Dropped(
        strategy=None,
        symbol=named(record),
        reason=Reason.SUPERSEDED,
        text=f"version {record.ref.version} was replaced by version {by.version} of the same record",
        records=(record.ref,),
    )
