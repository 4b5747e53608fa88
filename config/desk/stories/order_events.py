"""Order events: the steps of an order as the log has them, each as a sentence."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from config.desk.stories.entries import (
    BAD,
    GOOD,
    WARN,
    Entry,
    Link,
    dollars,
    model_link,
    sentence,
    shares_of,
    stream_link,
)
from config.desk.stories.hedges import VERBS
from eventstore.codec import CannotDecode, decode
from eventstore.events import UnknownEventType
from eventstore.history import CannotReplay, Moment, timeline
from eventstore.models import StoredEvent
from eventstore.upcasting import MissingUpcaster
from trading.offchain_order import events as order
from trading.offchain_order.aggregate import OffchainOrder
from trading.position import events as position
from trading.position.aggregate import Position
from trading.values.arithmetic import plain

MOST_EVENTS = 200
NEAR = 20
"""The events of a step are appended together: those of a position that an order is placed for stand beside its own."""

PLACED = "PositionEvent::OffChainOrderPlaced"
UNREADABLE = (CannotDecode, UnknownEventType, MissingUpcaster)

APART = timedelta(seconds=1)


class Steps(NamedTuple):
    entries: list[Entry]
    version: int
    """Of the last event that is told."""

    troubles: list[str]
    """Why not all could be told."""


def steps_of(number: int, symbol: str) -> Steps:
    """Tell the events of an order, oldest first; none where the ledger has none."""
    try:
        moments = timeline(OffchainOrder.aggregate_type, str(number), limit=MOST_EVENTS)
    except CannotReplay as error:
        return Steps([], 0, [str(error)])
    if not moments:
        return Steps([], 0, [])
    first = moments[0].recorded.number
    numbers = [moment.recorded.number for moment in moments]
    in_table = set(StoredEvent.objects.filter(number__in=numbers).values_list("number", flat=True))
    # An event that is archived has no row of its own any more.
    entries = [_entry(moment, number, moment.recorded.number in in_table) for moment in moments]
    troubles: list[str] = []
    if isinstance(moments[0].recorded.event, order.Placed):
        try:
            entries = [*_trigger(number, symbol, beside=first), *entries]
        except UNREADABLE as error:
            troubles.append(f"Why it was placed can't be read: {error}")
    return Steps(entries, moments[-1].recorded.version, troubles)


def _entry(moment: Moment, number: int, has_row: bool) -> Entry:
    recorded = moment.recorded
    told, tone, at = _told(recorded.event, number)
    # The broker's clock is told where it is another time than ours.
    theirs = "" if at is None or abs(recorded.recorded_at - at) < APART else f" (at {at:%Y-%m-%d %H:%M:%S} UTC)"
    by = "" if recorded.metadata.reason is msgspec.UNSET else f" {recorded.metadata.actor}: {recorded.metadata.reason}."
    link = (
        model_link("eventstore.storedevent", recorded.number, f"event {recorded.number}")
        if has_row
        else Link("in an archive", stream_link(OffchainOrder.aggregate_type, number).address)
    )
    return Entry(
        at=recorded.recorded_at,
        kind=_kind(type(recorded.event).__name__),
        sentence=f"{sentence(told)}{theirs}{by}",
        links=(link,),
        tone=tone,
        key=recorded.version,
    )


def _told(event: Any, number: int) -> tuple[str, str, datetime | None]:
    """What an event says, how it is to be taken, and when it happened by whoever's clock."""
    match event:
        case order.Placed():
            told = f"Order {number} was stored, and nothing sent yet: {VERBS[event.side]} {shares_of(event.shares)} of "
            return f"{told}{event.symbol} at {event.broker}, as {event.client_order_id}", "", event.placed_at
        case order.SubmissionStarted():
            return "It was about to be sent: from here on the broker may have it", "", event.sending_at
        case order.Submitted():
            told = f"The broker had it, as {event.broker_order_id}, for {shares_of(event.accepted_shares)}"
            return told, "", event.submitted_at
        case order.OutcomeUnknown():
            return f"What became of it is not known: {event.reason}", BAD, None
        case order.PartiallyFilled():
            return f"{_filled(event)} so far", "", event.partially_filled_at
        case order.Filled():
            return f"It was filled: {_filled(event)}", GOOD, event.filled_at
        case order.Cancelled():
            return f"It was cancelled, {_filled(event)}: {event.reason}", WARN, event.cancelled_at
        case order.Failed():
            return f"It ended as {event.kind}, {_filled(event)}: {event.error}", BAD, event.failed_at
        case order.LateFilled():
            return f"It had filled more than was known at its end, {_filled(event)}", WARN, event.late_filled_at
        case order.Relinked():
            return "What stands behind it was worked out again, and was something else", WARN, None
        case order.Migrated():
            return f"It came from an older installation, as {event.status.value.lower()}", "", event.placed_at
        case _:
            return f"{type(event).__name__}", "", None


def _filled(event: Any) -> str:
    price: Decimal | None = event.average_price_usd
    told = f"{shares_of(event.shares_filled)} filled"
    return f"{told} at {dollars(price)}" if event.shares_filled else told


def _trigger(number: int, symbol: str, *, beside: int) -> Sequence[Entry]:
    """Why the order was placed, as the position's own event of it says. Raises what is UNREADABLE."""
    rows = StoredEvent.objects.filter(
        number__gt=beside - NEAR,
        number__lt=beside + NEAR,
        aggregate_type=Position.aggregate_type,
        aggregate_id=symbol,
        type=PLACED,
    )
    for row in rows.order_by("number"):
        event = decode(row.type, row.schema, row.data)
        if isinstance(event, position.OffChainOrderPlaced) and event.order_id == number:
            link = model_link("eventstore.storedevent", row.number, f"event {row.number}")
            return [Entry(at=row.recorded_at, kind="cause", sentence=_because(event, symbol), links=(link,))]
    return []


def _because(event: position.OffChainOrderPlaced, symbol: str) -> str:
    why = event.trigger_reason
    net = f"the net of {plain(why.net_position_shares)} {symbol}"
    match why:
        case position.SharesTrigger():
            return f"{_upper(net)} had reached the threshold of {shares_of(why.threshold_shares)}."
        case position.DollarTrigger():
            return (
                f"{_upper(net)}, worth ${plain(why.dollar_value)} at {dollars(why.price_usdc)}, had reached the "
                f"threshold of ${plain(why.threshold_dollars)}."
            )
        case position.ManualTrigger():
            return f"{why.actor} asked for it by hand, at {net}: {sentence(why.reason)}"
        case position.AdoptedTrigger():
            return f"It stood at the broker as {why.client_order_id} and was not in our books, at {net}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _kind(name: str) -> str:
    """`SubmissionStarted` as words."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
