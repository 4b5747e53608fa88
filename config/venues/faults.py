"""Faults: what goes wrong at a venue, as data. A test queues them, or a number draws them."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Self

ANY = "*"


class Kind(StrEnum):
    """What goes wrong. Only the first two leave a call undone."""

    REFUSE = "refuse"
    CUT_BEFORE = "cut_before"
    FAIL_AFTER = "fail_after"
    CUT_AFTER = "cut_after"
    CUT_WITHIN = "cut_within"
    SLOW = "slow"
    HTML = "html"
    STATUS_WORD = "status_word"
    LOCATION = "location"
    FILL_TWICE = "fill_twice"
    HIDE = "hide"

    @property
    def takes(self) -> bool:
        """Tell whether the call is carried out all the same."""
        return self not in (Kind.REFUSE, Kind.CUT_BEFORE)


class Where(StrEnum):
    """What is wrong with a Location header."""

    MISSING = "missing"
    UNPARSABLE = "unparsable"
    OTHER_ORDER = "other_order"
    OTHER_ACCOUNT = "other_account"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong once. Make one with the functions below; they say which fields belong together."""

    kind: Kind
    call: str = ANY
    """At which kind of call: submit, find, report, cancel, replace, list, … or any."""

    status: int = 0
    message: str | None = None
    retry_after: str | None = None
    seconds: Decimal = Decimal(0)
    word: str = ""
    where: Where = Where.MISSING
    reads: int = 0
    hidden_from: tuple[str, ...] = ("list",)
    page: bool = False
    """The refusal is a page of a gateway, not the protocol's."""

    def __str__(self) -> str:
        told = {
            Kind.REFUSE: f" {self.status}",
            Kind.FAIL_AFTER: f" {self.status}",
            Kind.LOCATION: f" {self.where}",
            Kind.STATUS_WORD: f" {self.word}",
            Kind.HIDE: f" {self.reads}",
        }
        return f"{self.kind}{told.get(self.kind, '')}"


def refuse(status: int, call: str = ANY, *, message: str | None = None, retry_after: str | None = None) -> Fault:
    """Answer with an error and do nothing. Without a message it is the venue's usual one for that status."""
    return Fault(kind=Kind.REFUSE, call=call, status=status, message=message, retry_after=retry_after)


def rate_limited(retry_after: str | None = "1", call: str = ANY) -> Fault:
    return refuse(429, call, retry_after=retry_after)


def gateway_page(status: int = 403, call: str = ANY) -> Fault:
    """Refuse with a page in HTML, as whatever stands in front of the service does."""
    return Fault(kind=Kind.REFUSE, call=call, status=status, page=True)


def cut_before(call: str = ANY) -> Fault:
    """Reset the connection and do nothing."""
    return Fault(kind=Kind.CUT_BEFORE, call=call)


def fail_after(status: int = 500, call: str = "submit") -> Fault:
    """Do what was asked, and answer that the server failed."""
    return Fault(kind=Kind.FAIL_AFTER, call=call, status=status)


def cut_after(call: str = "submit") -> Fault:
    """Do what was asked, and reset the connection without an answer."""
    return Fault(kind=Kind.CUT_AFTER, call=call)


def cut_within(call: str = "submit") -> Fault:
    """Do what was asked, and reset the connection in the middle of the answer."""
    return Fault(kind=Kind.CUT_WITHIN, call=call)


def slow(seconds: Decimal, call: str = "submit") -> Fault:
    """Do what was asked, and answer after so long; longer than the client waits, it is as if no answer came."""
    return Fault(kind=Kind.SLOW, call=call, seconds=seconds)


def html(call: str = ANY) -> Fault:
    """Do what was asked, and answer with a page in HTML, under the status of success."""
    return Fault(kind=Kind.HTML, call=call)


def status_word(word: str, call: str = "report") -> Fault:
    """Tell an order's status in a word that nobody documented."""
    return Fault(kind=Kind.STATUS_WORD, call=call, word=word)


def location(where: Where, call: str = "submit") -> Fault:
    """Take an order, and say wrongly where it is. Only for a venue that says so in a header."""
    return Fault(kind=Kind.LOCATION, call=call, where=where)


def fill_twice(call: str = "report") -> Fault:
    """Tell the newest fill twice."""
    return Fault(kind=Kind.FILL_TWICE, call=call)


def hide(reads: int = 2, hidden_from: tuple[str, ...] = ("list",), call: str = "submit") -> Fault:
    """Take an order, and don't show it in the next so many calls, as a copy does that lags behind."""
    return Fault(kind=Kind.HIDE, call=call, reads=reads, hidden_from=hidden_from)


Usual = Mapping[str, Sequence[Fault]]
"""What may be drawn at a kind of call; under ANY, at all others."""

_READS = (refuse(503), rate_limited(), cut_before(), cut_within(ANY), html())
_CHANGES = (
    refuse(503),
    rate_limited(),
    cut_before(),
    fail_after(500),
    fail_after(502),
    fail_after(504),
    cut_after(),
    cut_within(),
    html(),
)
USUAL: Usual = {
    "submit": (*_CHANGES, hide()),
    "replace": _CHANGES,
    "cancel": _CHANGES,
    ANY: _READS,
}
"""What passes by itself: whoever asks again, and asks before sending again, comes to no harm by it."""


class FaultPlan:
    """Which fault comes next. Safe for use by many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queued: list[tuple[Fault, int | None]] = []
        self._seed: int | None = None
        self._rate = Decimal(0)
        self._calls: dict[str, int] = {}

    @classmethod
    def random(cls, seed: int, rate: Decimal) -> Self:
        """Draw a fault at this share of calls. What the n-th call of a kind meets follows from the seed alone."""
        plan = cls()
        plan._seed, plan._rate = seed, rate
        return plan

    @property
    def seed(self) -> int | None:
        return self._seed

    def add(self, fault: Fault, *, times: int | None = 1) -> None:
        """Let this happen at the next call of its kind, or at the next so many; None: until it is cleared."""
        with self._lock:
            self._queued.append((fault, times))

    def clear(self) -> None:
        """Let nothing go wrong from now on, neither queued nor drawn."""
        with self._lock:
            self._queued.clear()
            self._seed = None

    def queued(self) -> list[Fault]:
        with self._lock:
            return [fault for fault, _ in self._queued]

    def next(self, call: str, usual: Usual = USUAL) -> Fault | None:
        """Return what goes wrong at this call, if anything. What was queued comes first."""
        with self._lock:
            self._calls[call] = number = self._calls.get(call, 0) + 1
            for place, (fault, times) in enumerate(self._queued):
                if fault.call in (call, ANY):
                    if times == 1:
                        del self._queued[place]
                    elif times is not None:
                        self._queued[place] = (fault, times - 1)
                    return fault
            return self._drawn(call, number, usual)

    def _drawn(self, call: str, number: int, usual: Usual) -> Fault | None:
        if self._seed is None:
            return None
        draw = random.Random(f"{self._seed}/{call}/{number}")  # noqa: S311 - it decides what goes wrong in a rehearsal.
        if draw.random() >= self._rate:
            return None
        return replace(draw.choice(usual.get(call, usual[ANY])), call=call)
