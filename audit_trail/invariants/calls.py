"""Calls: each has an end, is kept as it was sent and received, and was made for something that was meant before."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, QuerySet

from audit_trail.executions.audit_book import SUBMIT
from audit_trail.executions.legacy import WORDS, AlpacaOrder
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.orders import OrderState
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from trading.brokers.orders import CLOCK_SKEW
from trading.invariants.ends import BY_HAND
from trading.invariants.looking import Look
from trading.invariants.switches import Switches
from trading.invariants.violations import Wrong, invariant
from trading.risk.scopes import HEDGE

CANCEL = "cancel"
"""What adapters call the one call that cancels an order."""


NOT_THERE = 404
TAKEN = {"http_status_code__gte": 200, "http_status_code__lt": 300}


def calls(look: Look) -> "QuerySet[ApiCallLog]":
    rows: QuerySet[ApiCallLog] = ApiCallLog.objects.all()
    return look.begun(rows, "sent_at")


@invariant("I15")
def call_is_kept_whole(look: Look) -> Iterator[Wrong]:
    """A call's request was stored when it left and its answer when it came, each as what it is; or it has an error."""
    for page in look.pages(calls(look).select_related("request_payload", "response_payload").defer(*_BODIES)):
        runs = set(
            DataIngestionRun.objects.filter(run_id__in={row.run_id for row in page if row.run_id}).values_list(
                "run_id", flat=True
            )
        )
        for row in page:
            request, response = row.request_payload, row.response_payload
            if request.type != ApiPayload.Type.REQUEST or request.captured_at != row.sent_at:
                found = f"a {request.type} of {request.captured_at.isoformat()}"
                yield _wrong(row, f"its request, stored as of {row.sent_at.isoformat()}", found)
            if response is not None and (
                response.type != ApiPayload.Type.RESPONSE or response.captured_at != row.ended_at
            ):
                found = f"a {response.type} of {response.captured_at.isoformat()}"
                yield _wrong(row, f"its answer, stored as of {row.ended_at}", found)
            if row.ended_at is not None and row.ended_at < row.sent_at:
                yield _wrong(row, f"an end after {row.sent_at.isoformat()}", row.ended_at.isoformat())
            if row.ended_at is not None and (response is None) is not (row.error is not None):
                yield _wrong(row, "an answer, or why none came", f"answer {row.response_payload_id}, error {row.error}")
            if row.run_id is not None and row.run_id not in runs:
                yield _wrong(row, f"the run that it was made for, {row.run_id}", "none")


_BODIES = ("request_payload__body", "response_payload__body")


@invariant("I14", "I15")
def payload_is_as_it_was(look: Look) -> Iterator[Wrong]:
    """What was sent and received is kept to the byte, by its hash; or its body was purged, with the time of that."""
    for row in look.each(look.begun(ApiPayload.objects.all(), "captured_at")):
        where = f"payload {row.pk} in the admin"
        if (row.body is None) is not (row.purged_at is not None):
            purged = "never purged" if row.purged_at is None else f"purged at {row.purged_at.isoformat()}"
            yield Wrong(f"payload {row.pk}", "a body, or when it was purged", purged, where)
        elif row.purged_at is not None and row.purged_at < row.captured_at:
            yield Wrong(f"payload {row.pk}", "purged after it was captured", row.purged_at.isoformat(), where)
        elif row.body is not None and not row.truncated and (found := _hash_of(row)) != row.sha256:
            yield Wrong(f"payload {row.pk}", f"a body with the hash {row.sha256}", found, where)


def _hash_of(row: ApiPayload) -> str:
    try:
        text = row.text or ""
        data = base64.b64decode(text) if row.encoding == ApiPayload.Encoding.BASE64 else text.encode()
    except (ValueError, OSError, EOFError) as error:
        return f"one that can't be read: {error}"
    return hashlib.sha256(data).hexdigest()


_BY_THE_BROKER = (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED)
"""The ends that a broker tells of, in the words of decisions' orders and of hedges'. Any other is our own word: that an
order never was there, by proof or by hand, or was not sent. It stays that where the order is found there later."""

_ENDED_THERE = frozenset({*_BY_THE_BROKER, *(WORDS[state] for state in _BY_THE_BROKER)})
"""And in those of the legacy log."""


class _Meant(NamedTuple):
    """An order as it was meant, whichever pipeline's: what a call that sends it is held against."""

    name: str
    broker: str
    symbol: str
    strategy: str
    committed_at: datetime | None
    ended_at: datetime | None
    ended_there: bool
    """It ended by the broker's word: by the broker's clock, and we may have heard of it later."""


@invariant("I5", "I10")
def nothing_is_sent_unmeant(look: Look) -> Iterator[Wrong]:
    """An order was sent only after its intent was committed, not after its end, and under no kill switch.

    One that left before its end, and of which the broker said nothing but that it does not have it, is sent again under
    the same id: what tells us that lags behind. The broker takes it for the order that it had. One that ended by our
    own word, as never there or not sent, is not: it was not to leave after that.

    It goes by what clocks told: a row of a call and one of an order have no order but their times. Where the clock of
    who sends is put back between the two, or is behind that of another process that placed the order, an order is told
    of that was committed first. No span is allowed for that: one that is sent too soon is sent so by moments.
    """
    switches = Switches()
    for page in look.pages(calls(look).filter(purpose=SUBMIT)):
        meant = {each.name: each for each in _meant(look, {row.reference or "" for row in page})}
        for row in page:
            order = meant.get(row.reference or "")
            if order is None or order.committed_at is None:
                yield _wrong(row, "an order that was meant before it was sent", "none")
                continue
            if row.sent_at < order.committed_at:
                expected = f"sent after {order.committed_at.isoformat()}, when it was committed"
                yield _wrong(row, expected, row.sent_at.isoformat())
            if (end := _end_before_it_left(row, order)) is not None:
                yield _wrong(row, f"nothing sent after its end at {end.isoformat()}", row.sent_at.isoformat())
            on = switches.on_at(row.sent_at, broker=order.broker, symbol=order.symbol, strategy=order.strategy)
            if on is not None:
                yield _wrong(row, f"nothing sent while the kill switch ({on}) is on", row.sent_at.isoformat())


def _end_before_it_left(call: ApiCallLog, order: _Meant) -> datetime | None:
    """When an order had ended that a call sent all the same; None where it had not, or nobody could know yet."""
    if order.ended_at is None or call.sent_at <= (latest := order.ended_at + CLOCK_SKEW):
        return None
    before = ApiCallLog.objects.filter(reference=order.name, pk__lt=call.pk).order_by("-pk")
    had_left = before.filter(purpose=SUBMIT, sent_at__lte=latest).exists()
    asked = before.exclude(purpose=SUBMIT).values_list("http_status_code", flat=True).first()
    is_news = order.ended_there and had_left and asked == NOT_THERE and not before.filter(**TAKEN).exists()
    return None if is_news else order.ended_at


def _meant(look: Look, names: set[str]) -> Iterator[_Meant]:
    for hedge in look.all_orders().filter(client_order_id__in=names):
        what = (hedge.client_order_id, hedge.broker, hedge.symbol, HEDGE)
        ended_there = _ended_there(hedge.detailed_status, hedge.broker_order_id)
        yield _Meant(*what, hedge.sending_at, hedge.ended_at, ended_there)
    for row in TradeExecution.objects.filter(client_order_id__in=names).select_related("trade_decision"):
        decided, name = row.trade_decision, row.client_order_id or ""
        what = (name, decided.broker, decided.symbol, decided.strategy_name)
        yield _Meant(*what, row.placed_at, row.ended_at, _ended_there(row.status, row.broker_order_id))
    for old in AlpacaOrder.objects.filter(client_order_id__in=names, trade_decision=None):
        what = (old.client_order_id, old.broker, old.symbol, old.strategy_name)
        yield _Meant(*what, old.placed_at, old.ended_at, _ended_there(old.status, old.alpaca_order_id))


def _ended_there(state: str, broker_order_id: str | None) -> bool:
    return bool(broker_order_id) and state in _ENDED_THERE


@invariant("I4", "I7")
def order_was_taken_once(look: Look) -> Iterator[Wrong]:
    """The broker took each order once at most; one that it took is not booked as refused, never there or not sent."""
    for page in look.pages(calls(look).filter(purpose=SUBMIT, **TAKEN)):
        names = {row.reference or "" for row in page}
        taken = ApiCallLog.objects.filter(purpose=SUBMIT, reference__in=names, **TAKEN)
        times: Counter[str] = Counter(dict(taken.values_list("reference").annotate(Count("pk"))))
        gone = set(_never_there(look, names))
        for row in page:
            name = row.reference or ""
            if times[name] > 1:
                yield _wrong(row, "one call by which the broker took it", f"{times[name]}")
            if name in gone:
                yield _wrong(row, "the broker's id of an order that it took", "an order that ended as if it never was")


def _never_there(look: Look, names: Iterable[str]) -> Iterator[str]:
    ended = [OrderState.REJECTED.value, OrderState.FAILED.value, OrderState.UNSENT.value]
    hedges = look.all_orders().filter(client_order_id__in=names, detailed_status__in=ended, broker_order_id=None)
    attempts = TradeExecution.objects.filter(client_order_id__in=names, status__in=ended, broker_order_id=None)
    for rows in (hedges, attempts):
        for name, reason in rows.values_list("client_order_id", "reason"):
            if not (reason or "").startswith(BY_HAND):  # Whoever said so has looked at the broker's orders.
                yield name


@invariant("I12")
def only_our_own_is_cancelled(look: Look) -> Iterator[Wrong]:
    """Nothing is cancelled at a broker but orders of ours, each by its own id."""
    for page in look.pages(calls(look).filter(purpose=CANCEL)):
        named = {row.pk: row.endpoint.partition("?")[0].rstrip("/").rpartition("/")[2] for row in page}
        ids = set(named.values())
        ours = set(look.all_orders().filter(broker_order_id__in=ids).values_list("broker_order_id", flat=True))
        ours |= set(TradeExecution.objects.filter(broker_order_id__in=ids).values_list("broker_order_id", flat=True))
        ours |= set(AlpacaOrder.objects.filter(alpaca_order_id__in=ids).values_list("alpaca_order_id", flat=True))
        for row in page:
            if named[row.pk] not in ours:
                yield _wrong(row, "an order of ours to be cancelled", f"{row.method} of {named[row.pk]}")


def _wrong(row: ApiCallLog, expected: str, found: str) -> Wrong:
    return Wrong(f"call {row.pk} ({row.reference})", expected, found, f"call {row.pk} in the admin")
