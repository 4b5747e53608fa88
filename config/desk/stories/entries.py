"""Entries: what happened, when, in one sentence, with a link to the row that says so."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

from trading.values.arithmetic import cut, plain

PRICE_DECIMALS = 6

GOOD, WARN, BAD = "good", "warn", "bad"


class Rank(IntEnum):
    """What comes first where the newest do, of all that is of one moment: what followed from the rest."""

    NOTICE = 0
    DECISION_ENDED = 1
    ATTEMPT = 2
    DECIDED = 3
    ORDER_ENDED = 4
    ORDER_SUBMITTED = 5
    ORDER_PLACED = 6
    DENIAL = 7
    REORG = 8
    FILL = 9
    REQUEST = 10
    RISK_CHANGE = 11


class Link(NamedTuple):
    text: str
    address: str


class Entry(NamedTuple):
    """Something that happened."""

    at: datetime
    kind: str
    sentence: str
    links: Sequence[Link] = ()
    tone: str = ""
    """`good`, `warn` or `bad`; most of what happens is none of them."""

    detail: str | None = None
    """JSON that stands behind the sentence."""

    rank: Rank = Rank.NOTICE

    key: Any = 0
    """Of its row."""


class Told(NamedTuple):
    """An entry, and how long after the one before it came; of the first nobody says."""

    entry: Entry
    after: timedelta | None


def oldest_first(entries: Iterable[Entry]) -> list[Told]:
    """Tell entries from the beginning. Of one moment they stay in the order in which they are given."""
    ordered = sorted(entries, key=lambda entry: entry.at)
    return [
        Told(entry, None if before is None else entry.at - before.at)
        for before, entry in zip([None, *ordered], ordered, strict=False)
    ]


# Words.


def dollars(value: Decimal | None) -> str:
    """A price: a quotient may have forty digits, of which six decimals are told and the rest is in the row."""
    if value is None:
        return "no price that is known"
    short = cut(value, digits=PRICE_DECIMALS)
    return f"${plain(short)}{'' if short == value else '…'}"


def shares_of(value: Decimal, symbol: str = "") -> str:
    told = f"{plain(value)} {'share' if value == 1 else 'shares'}"
    return f"{told} of {symbol}" if symbol else told


def sentence(text: str) -> str:
    """End what somebody else said as a sentence ends."""
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?", "…")) else f"{stripped}."


# Links.


def row_link(row: Model, text: str) -> Link:
    """Link to a row's page in the admin."""
    return model_link(row._meta.label_lower, row.pk, text)


def model_link(model: str, key: object, text: str) -> Link:
    return Link(text, reverse(f"admin:{model.replace('.', '_')}_change", args=[quote(str(key))]))


def symbol_link(symbol: str) -> Link:
    return Link(symbol, reverse("desk-symbol", args=[symbol]))


def order_link(number: int) -> Link:
    return Link(f"order {number}", reverse("desk-order", args=[number]))


def decision_link(decision_id: object, text: str = "decision") -> Link:
    return Link(text, reverse("desk-decision", args=[decision_id]))


def stream_link(aggregate_type: str, aggregate_id: object) -> Link:
    """Link to all events of a stream, with the state after each."""
    place = reverse("admin:eventstore_storedevent_timeline", args=[aggregate_type, str(aggregate_id)])
    return Link("all events", place)
