"""Facts: what a broker last said of the account and the market, as rows, each with when it was asked.

A row is also whose turn it is: a fact is asked for by whoever moves its `not_before` first. An answer is kept whole, as
exact text, so that a list of holdings is complete or it is not there.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from django.db import models
from django.db.models import Q

from trading.brokers.market import Account, Asset, Holdings, MarketClock, Quote
from trading.risk.situation import Facts
from trading.values.symbols import Symbol

Answer = Account | Holdings | MarketClock | Quote | Asset

# An answer takes half a minute at most; who asked and died is not waited for longer.
CLAIMED_FOR = timedelta(seconds=45)


class FactKind(StrEnum):
    """What may be asked of a broker: of the account as a whole, or of one symbol."""

    ACCOUNT = "account"
    HOLDINGS = "holdings"
    CLOCK = "clock"
    QUOTE = "quote"
    ASSET = "asset"


TYPES: dict[FactKind, type[Answer]] = {
    FactKind.ACCOUNT: Account,
    FactKind.HOLDINGS: Holdings,
    FactKind.CLOCK: MarketClock,
    FactKind.QUOTE: Quote,
    FactKind.ASSET: Asset,
}
OF_THE_ACCOUNT = (FactKind.CLOCK, FactKind.ACCOUNT, FactKind.HOLDINGS)
OF_A_SYMBOL = (FactKind.QUOTE, FactKind.ASSET)


class BrokerFact(models.Model):
    """The last answer to one question, and how asking again went."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in FactKind])
    subject = models.CharField(max_length=32, blank=True, default="", help_text="a symbol; empty for the account")
    body = models.TextField(null=True, help_text="the answer as JSON; empty where there never was one")
    as_of = models.DateTimeField(null=True, help_text="when the question was begun that the answer is to")
    not_before = models.DateTimeField(help_text="when it is asked again at the earliest")
    tries = models.IntegerField(default=0, help_text="in a row without an answer")
    trouble = models.TextField(null=True, help_text="why there was none when it was last asked")

    class Meta:
        db_table = "broker_facts"
        verbose_name = "broker fact"
        constraints = [models.UniqueConstraint(fields=["broker", "kind", "subject"], name="broker_facts_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip() + f" at {self.broker}"

    def answer(self) -> Answer | None:
        """What the broker said. Raises msgspec.MsgspecError where somebody wrote something else there."""
        return None if self.body is None else msgspec.json.decode(self.body, type=TYPES[FactKind(self.kind)])

    def readable(self) -> Answer | None:
        """What the broker said, as far as it can be read."""
        try:
            return self.answer()
        except msgspec.MsgspecError:
            return None


def known(broker: str, symbols: Collection[Symbol]) -> dict[Symbol, Facts]:
    """What a broker last said of the account and of some symbols, in one query."""
    rows = list(BrokerFact.objects.filter(broker=broker, subject__in=["", *symbols]))
    return {symbol: _facts([row for row in rows if row.subject in ("", symbol)]) for symbol in symbols}


def _facts(rows: Iterable[BrokerFact]) -> Facts:
    told: dict[str, Answer | None] = {}
    troubles: dict[str, str] = {}
    for row in rows:
        if row.trouble is not None:
            troubles[row.kind] = row.trouble
        try:
            told[row.kind] = row.answer()
        except msgspec.MsgspecError as error:
            # Somebody wrote something else there: it is as if nothing were known, of this and nothing else.
            troubles[row.kind] = f"the stored answer can't be read: {error}"
    return Facts(**told, troubles=troubles)  # type: ignore[arg-type]  # each kind's own type, see TYPES


# Asking.


def ensure(broker: str, wanted: Iterable[tuple[FactKind, str]], *, now: datetime) -> list[BrokerFact]:
    """The rows of what is wanted, made where there are none: those are due at once."""
    wanted = list(wanted)
    rows = {(row.kind, row.subject): row for row in BrokerFact.objects.filter(broker=broker)}
    missing = [(kind, subject) for kind, subject in wanted if (kind, subject) not in rows]
    if missing:
        BrokerFact.objects.bulk_create(
            [BrokerFact(broker=broker, kind=kind, subject=subject, not_before=now) for kind, subject in missing],
            ignore_conflicts=True,
        )
        rows = {(row.kind, row.subject): row for row in BrokerFact.objects.filter(broker=broker)}
    return [rows[kind, subject] for kind, subject in wanted]


def claim(row: BrokerFact, *, now: datetime) -> bool:
    """Take the asking of a fact on; False where another process did."""
    mine = BrokerFact.objects.filter(pk=row.pk, not_before=row.not_before).update(not_before=now + CLAIMED_FOR)
    return mine == 1


def store(row: BrokerFact, answer: Answer, *, again_at: datetime) -> None:
    """Keep an answer, unless a later question was answered meanwhile."""
    newer = Q(as_of=None) | Q(as_of__lt=answer.as_of)
    asked = {"not_before": again_at, "tries": 0, "trouble": None}
    body = msgspec.json.encode(answer).decode()
    # One commit in the usual case: a hedge waits for five of these.
    if not BrokerFact.objects.filter(newer, pk=row.pk).update(body=body, as_of=answer.as_of, **asked):
        BrokerFact.objects.filter(pk=row.pk).update(**asked)


def note_trouble(row: BrokerFact, trouble: str, *, again_at: datetime) -> int:
    """Note that there was no answer; the last one stays, and grows old. Return how often in a row that is."""
    tries = row.tries + 1
    BrokerFact.objects.filter(pk=row.pk).update(not_before=again_at, tries=tries, trouble=trouble)
    return tries


def ask_again(broker: str, kind: FactKind, *, of_before: datetime, now: datetime) -> None:
    """Let a fact of the account be asked for at once where the answer is of before a time."""
    BrokerFact.objects.filter(
        broker=broker, kind=kind, subject="", as_of__lt=of_before, not_before__gt=now, trouble=None
    ).update(not_before=now)


def hold_back(broker: str, *, until: datetime) -> None:
    """Ask a broker nothing for a while: it has had enough of our calls."""
    BrokerFact.objects.filter(broker=broker, not_before__lt=until).update(not_before=until)
