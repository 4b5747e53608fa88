"""The carrier: takes one placed order to the broker, or asks for it there, and books what came of it.

How an order gets to the broker once and never twice is the submitter's matter, for hedges and decisions alike. The
intent was committed before; each outcome is booked in a commit of its own.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec
import structlog
from django.db import transaction

from audit_trail.executions.books import Book
from audit_trail.executions.known import DecisionOrders
from audit_trail.executions.orders import (
    STOPPED,
    Heard,
    OrderState,
    PlacedOrder,
    lost,
    never_there,
    rejected,
    told,
    unsent,
)
from audit_trail.executions.own_account import OwnAccount
from audit_trail.executions.remarks import STUCK, stuck, tell
from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, UnusableReport
from trading.brokers.port import Broker
from trading.conductor.known_orders import is_resolved, linked
from trading.conductor.processes import process_name
from trading.conductor.switched import switched
from trading.conductor.work import backoff
from trading.ledger.book import Ledger
from trading.notices.models import close_notice
from trading.risk.reading import day_began
from trading.submission.absence import note_absence
from trading.submission.pauses import pause, pauses_for_all, resume_calls
from trading.submission.sendings import AlreadyOnTheWay, KnownByNow
from trading.submission.submitter import (
    NEVER_HAD,
    AtTheBroker,
    ForTheOperator,
    InDoubt,
    NeverThere,
    Outcome,
    Refused,
    Submitter,
)
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId

log = structlog.get_logger(__name__)

SEND_WITHIN = timedelta(minutes=5)
"""An order that could not be sent for so long is not sent any more: it was let through on what was known then."""

SENDING_TAKES = timedelta(minutes=4)
"""So long an order is left to the process that sends it, unless that is known to be gone: longer than three calls take,
and less than SEND_WITHIN, so that another process may send what a dead one left.
"""

LONGEST_WAIT = timedelta(minutes=1)
TRIES_BEFORE_A_NOTICE = 5
# A market order fills within seconds; so long it is asked about often, and whenever something has just been filled.
YOUNG_FOR = timedelta(seconds=15)
YOUNG_EVERY = timedelta(seconds=1)
# So long after its end an order is still asked about, now and then: a fill may be reported late.
LATE_FOR = timedelta(minutes=30)
ASK_LATE_EVERY = timedelta(minutes=5)
MOST_LATE_TRIES = timedelta(days=1) // ASK_LATE_EVERY
"""So often the last of these looks is tried again, for a day: one that was not answered was none."""


class ChangedMeanwhile(Exception):
    """An order is not as it was when the broker was asked for it, so the answer is no ground to end it. It was not."""


class Carrier:
    """Takes orders to one broker and asks for them there, for whichever book they are kept in."""

    def __init__(
        self,
        *,
        broker: Broker,
        ledger: Ledger,
        clock: Callable[[], datetime],
        poll_every: timedelta,
        may_trade: Callable[[datetime], bool],
    ) -> None:
        """`may_trade` tells whether the broker has us in the account that was confirmed."""
        self.broker, self._ledger, self._clock = broker, ledger, clock
        self.account = OwnAccount(broker.name, may_trade=may_trade)
        self._poll_every = poll_every
        self.process = process_name()
        self.orders = DecisionOrders(broker.name)

    def send(self, book: Book, order: PlacedOrder) -> PlacedOrder:
        """Hand an order over that was placed just now. Raises BrokerUnavailable: nothing was sent, and it may be again.

        Return it as it stands then. One that has to wait for another alike comes back unsent. Raises NotTheAccount.
        """
        self.account.require(order, self._clock())
        try:
            return self._handed_over(book, order, sent_before=False)
        except AlreadyOnTheWay as alike:
            return self.give_back(book, order, str(alike))

    def give_back(self, book: Book, order: PlacedOrder, reason: str) -> PlacedOrder:
        """Book that nothing was sent, so that the decision is as it was before."""
        now = self._clock()

        def given_back(known: PlacedOrder) -> Heard | None:
            if _is_sent_by_another(order, known, now):
                return None
            return Heard(unsent(known, reason, at=now) if _is_unsent(known) else known)

        return self._booked(book, order, given_back)

    def take_up(self, book: Book, order: PlacedOrder) -> PlacedOrder | None:
        """Commit that this process is about to send an order once more: until then nobody ends it by hand.

        None where it is not as it was read any more, so that another process sends it, or did.
        """
        with transaction.atomic(durable=True):
            known = book.locked(order.key)
            if not _is_unsent(known) or not _is_same_sending(order, known):
                return None
            taken = msgspec.structs.replace(known, sender=self.process, not_before=self._clock() + SENDING_TAKES)
            book.take_up(taken)
        return taken

    def as_it_stands(self, book: Book, order: PlacedOrder) -> PlacedOrder:
        """An order as it is known by now."""
        return book.named(order.client_order_id) or order

    def follow_up(
        self,
        book: Book,
        order: PlacedOrder,
        *,
        listed: Mapping[BrokerOrderId, OrderReport] | None = None,
        may_send: bool = True,
    ) -> PlacedOrder:
        """Take an order up again, open or ended: look for it, ask about it, or send it where that did not come about.

        What the broker has `listed` is not asked for again. Unless it `may_send`, it is only looked for. Raises
        BrokerUnavailable, after the order was put off; NotTheAccount, and leaves it as it is.
        """
        self.account.require(order, self._clock())
        try:
            if order.broker_order_id is not None:
                if listed is not None and (report := listed.get(order.broker_order_id)) is not None:
                    return self._told(book, order, report)
                return self._asked(book, order)
            if may_send and order.state is OrderState.SENDING and self._may_still_be_sent(order):
                if (taken := self.take_up(book, order)) is None:
                    return self.as_it_stands(book, order)
                order = taken
                return self._handed_over(book, order, sent_before=True)
            return self._looked_for(book, order)
        except AlreadyOnTheWay as alike:
            return self.put_off(book, order, str(alike))
        except BrokerUnavailable as outage:
            self.put_off(book, order, f"{type(outage).__name__}: {outage}")
            raise

    def put_off(self, book: Book, order: PlacedOrder, reason: str) -> PlacedOrder:
        """Nothing is known of it that was not known before."""
        now = self._clock()

        def later(known: PlacedOrder) -> Heard | None:
            if _is_sent_by_another(order, known, now):
                return None
            if not _is_asked_for(known):
                return Heard(known)
            tries = known.tries + 1
            remarks = [stuck(known, tries, reason)] if tries == TRIES_BEFORE_A_NOTICE else []
            return Heard(msgspec.structs.replace(known, tries=tries, reason=known.reason or reason), remarks)

        return self._booked(book, order, later)

    def end_by_hand(self, book: Book, order: PlacedOrder, reason: str) -> PlacedOrder:
        """Book an operator's word that the broker does not have an order, and never will. Raises ChangedMeanwhile.

        The order is expected as it was when the broker was asked, with nothing but that look booked since: where it was
        sent after that, or was about to be, neither the look nor the word says anything of it.
        """
        now = self._clock()

        def ended(known: PlacedOrder) -> Heard:
            if not _is_lost(known) or _standing(known) != _standing(order):
                raise ChangedMeanwhile(
                    f"order {known} changed while {self.broker.name} was asked for it: expected {_standing(order)}; "
                    f"found {_standing(known)}. It was not ended: it may have been sent just now. Look at the broker's "
                    "orders again, and say so again if it is not there"
                )
            return Heard(never_there(known, reason, at=now))

        stands = self._booked(book, order, ended)
        self._submitter(order).settle(order.client_order_id)
        return stands

    # The broker.

    def _handed_over(self, book: Book, order: PlacedOrder, *, sent_before: bool) -> PlacedOrder:
        """Submit an order, or find it there. Raises BrokerUnavailable, AlreadyOnTheWay."""
        try:
            outcome = self._submitter(order).submit(order.request, sent_before=sent_before, now=self._clock())
        except KnownByNow:
            return self.as_it_stands(book, order)
        except BrokerUnavailable as outage:
            self._pause(outage)
            raise
        resume_calls(self.broker.name, now=self._clock())
        return self._settled(book, order, outcome)

    def _looked_for(self, book: Book, order: PlacedOrder) -> PlacedOrder:
        """Ask whether the broker has an order, and send nothing. One look that finds nothing proves nothing."""
        now = self._clock()
        try:
            outcome = self._submitter(order).look(order.request, now=now)
        except BrokerUnavailable as outage:
            self._pause(outage)
            raise
        resume_calls(self.broker.name, now=now)
        if isinstance(outcome, InDoubt) and self.broker.capabilities.client_order_id:
            absence = note_absence(order.client_order_id, now=now)
            if absence.is_proven:
                outcome = NeverThere(f"{NEVER_HAD}: {self.broker.name} never had it ({absence.told})")
        return self._settled(book, order, outcome)

    def _asked(self, book: Book, order: PlacedOrder) -> PlacedOrder:
        """Ask about an order by the broker's own id."""
        try:
            report = self._report(order)
        except BrokerUnavailable as outage:
            self._pause(outage)
            raise
        except (UnusableReport, NoSuchOrder) as unknown:
            # No word of the broker's that the order ended: it is unknown, and never failed by us.
            return self._in_doubt(
                book, order, f"{type(unknown).__name__}: {unknown}", tell=isinstance(unknown, UnusableReport)
            )
        resume_calls(self.broker.name, now=self._clock())
        return self._told(book, order, report)

    def _report(self, order: PlacedOrder) -> OrderReport:
        if order.broker_order_id is None:
            raise NoSuchOrder(f"order {order} has no id of the broker's")
        try:
            return self.broker.report(order.broker_order_id)
        except NoSuchOrder:
            if not self.broker.capabilities.client_order_id:
                raise
            if (found := self.broker.find(order.client_order_id)) is None:
                raise
            return found

    def _submitter(self, order: PlacedOrder) -> Submitter:
        return Submitter(
            switched(self.broker, strategy=order.strategy),
            linked=linked(self._ledger, self.orders),
            resolved=is_resolved(self._ledger, self.orders),
        )

    def _pause(self, outage: BrokerUnavailable) -> None:
        if pauses_for_all(outage):
            until = pause(self.broker.name, outage, now=self._clock())
            log.warning("Broker takes no calls for now", broker=self.broker.name, until=until.isoformat())

    def _may_still_be_sent(self, order: PlacedOrder) -> bool:
        now = self._clock()
        return order.trading_day == day_began(now).date() and now - order.request.created_at <= SEND_WITHIN

    # Booking.

    def _settled(self, book: Book, order: PlacedOrder, outcome: Outcome) -> PlacedOrder:
        now = self._clock()
        match outcome:
            case AtTheBroker(report=report):
                return self._told(book, order, report)
            case Refused(reason=reason):
                stands = self._booked(
                    book,
                    order,
                    lambda known: Heard(rejected(known, reason, at=now) if self._is_refused(order, known) else known),
                )
            case NeverThere(reason=reason):
                stands = self._booked(
                    book, order, lambda known: Heard(never_there(known, reason, at=now) if _is_lost(known) else known)
                )
            case InDoubt(reason=reason, tell=tell):
                return self._in_doubt(book, order, reason, tell=tell)
            case ForTheOperator(reason=reason):
                return self._in_doubt(book, order, reason, tell=True)
        if not _is_lost(stands):
            self._submitter(order).settle(order.client_order_id)
        return stands

    def _is_refused(self, order: PlacedOrder, known: PlacedOrder) -> bool:
        """Tell whether a no to what we sent is the last word, also where others lost sight of the order meanwhile.

        It is not where another process sent it once more into silence, under the same id: that one may be there. A
        broker that knows no ids of ours was sent it by us alone.
        """
        sent_by_us_alone = known.sender == order.sender or not self.broker.capabilities.client_order_id
        return _is_unsent(known) or (_is_lost(known) and sent_by_us_alone)

    def _told(self, book: Book, order: PlacedOrder, report: OrderReport) -> PlacedOrder:
        stands = self._booked(book, order, lambda known: told(order, known, report))
        if stands.state is not OrderState.UNKNOWN:
            self._submitter(order).settle(order.client_order_id)
        return stands

    def _in_doubt(self, book: Book, order: PlacedOrder, reason: str, *, tell: bool) -> PlacedOrder:
        now = self._clock()

        def doubted(known: PlacedOrder) -> Heard | None:
            if _is_sent_by_another(order, known, now):
                return None  # Whether it is there is that one's to tell, and nobody ends it meanwhile.
            ended_meanwhile = order.is_open and not known.is_open
            ended_there = ended_meanwhile and known.broker_order_id is not None
            if ended_there or known.broker_order_id != order.broker_order_id:
                return Heard(known)  # Another process has found it meanwhile.
            if not _is_asked_for(known):
                return Heard(known)  # Somebody asked about one that ended long ago, and hears the answer.
            tries = known.tries + 1
            # One that was held to be never there while we were about to send it may be there now.
            is_told = tell or ended_meanwhile or tries == TRIES_BEFORE_A_NOTICE
            remarks = [stuck(known, tries, reason)] if is_told else []
            after = lost(known, reason) if known.is_open else known
            return Heard(msgspec.structs.replace(after, tries=tries), remarks)

        return self._booked(book, order, doubted)

    def _booked(self, book: Book, order: PlacedOrder, change: Callable[[PlacedOrder], Heard | None]) -> PlacedOrder:
        """Let an order stand so from now on, in one commit; where the change is none, leave even its next look."""
        now = self._clock()
        with transaction.atomic(durable=True):
            known = book.locked(order.key)
            if (heard := change(known)) is None:
                return known
            after = self._with_the_next_look(known, heard.order, now)
            if _is_news(known, after):
                book.keep(known, after, now=now)
            else:
                book.look_again(after)
            for remark in heard.remarks:
                tell(remark, after.client_order_id, now)
            if after.tries == 0 and after.state not in (OrderState.UNKNOWN, OrderState.SENDING):
                for kind in {STUCK, STOPPED} - {remark.kind for remark in heard.remarks}:
                    close_notice(kind, after.client_order_id, at=now)
        if after.state is not known.state:
            log.info(
                "Order of a decision",
                order=after.client_order_id,
                strategy=after.strategy,
                symbol=after.request.symbol,
                state=after.state,
                reason=after.reason,
            )
        return after

    def _with_the_next_look(self, before: PlacedOrder, after: PlacedOrder, now: datetime) -> PlacedOrder:
        failed = after.tries > before.tries
        tries = after.tries if failed else 0
        at: datetime | None = now + self._poll_every
        if not after.is_open:
            # The last look is one that was answered: a fill of before it must not be missed for an outage.
            again = failed and tries < MOST_LATE_TRIES
            late = after.broker_order_id is not None and after.ended_at is not None and now < after.ended_at + LATE_FOR
            at = now + ASK_LATE_EVERY if again or late else None
        elif failed:
            at = now + backoff(tries, longest=LONGEST_WAIT)
        elif now - after.request.created_at < YOUNG_FOR or after.filled_shares > before.filled_shares:
            at = now + min(YOUNG_EVERY, self._poll_every)
        return msgspec.structs.replace(after, tries=tries, not_before=at)


def _is_news(known: PlacedOrder, after: PlacedOrder) -> bool:
    """Tell whether anything changed but when it is looked at next."""
    same = {"not_before": None, "tries": 0, "reported_at": None}
    return msgspec.structs.replace(known, **same) != msgspec.structs.replace(after, **same)


def _is_unsent(known: PlacedOrder) -> bool:
    """Tell whether nothing of it is known to be at the broker, by any process."""
    return known.state is OrderState.SENDING and known.broker_order_id is None


def _is_same_sending(order: PlacedOrder, known: PlacedOrder) -> bool:
    """Tell whether nobody has taken an order up, or put it off, since it was read."""
    return (known.sender, known.not_before) == (order.sender, order.not_before)


def _is_sent_by_another(order: PlacedOrder, known: PlacedOrder, now: datetime) -> bool:
    """Tell whether a process has taken an order up since it was read here, and still may be about it."""
    in_time = known.not_before is not None and known.not_before > now
    return _is_unsent(known) and in_time and not _is_same_sending(order, known)


def _standing(order: PlacedOrder) -> str:
    """What changes of an order when it is sent, looked for or found."""
    named = "" if order.broker_order_id is None else f", there as {order.broker_order_id}"
    return (
        f"{order.state} after {order.tries} tries in vain, sent by {order.sender}, {plain(order.filled_shares)} shares "
        f"filled{named}"
    )


def _is_asked_for(known: PlacedOrder) -> bool:
    """Tell whether it is looked at by itself: it is open, it ended lately, or nobody knows whether it is there."""
    return known.is_open or known.not_before is not None or known.broker_order_id is None


def _is_lost(known: PlacedOrder) -> bool:
    return known.is_open and known.broker_order_id is None and not known.filled_shares
