"""The executor: carries decisions out, one after the other, strongest signal first; one failure never stops the next.

Each passes the risk gate inside the commit that stores its order, under an id of ours, before anything is sent. It has
one attempt. What the gate or the broker refuses has failed; where it is merely not the time (a kill switch, a closed
market, a broker that can't be reached) it stays pending, with what stands in its way, for as long as its day lasts.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
import structlog
from django.db import transaction

from audit_trail.decisions.cancelling import cancel_outdated
from audit_trail.decisions.drafts import Draft, TradedAccount
from audit_trail.decisions.failures import FINAL
from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.decisions.storing import store
from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.books import Book
from audit_trail.executions.carrier import SENDING_TAKES, Carrier
from audit_trail.executions.legacy_book import LegacyBook
from audit_trail.executions.orders import OrderState, PlacedOrder, order_id
from audit_trail.executions.outdated import ask_again_where_outdated, outdated
from audit_trail.executions.own_account import NotTheAccount
from audit_trail.executions.sizing import Size, fitting, size_of
from audit_trail.executions.wanted import Wanted, strongest_first, wanted_at_once, wanted_by
from trading.brokers.orders import OrderRequest
from trading.brokers.outcomes import BrokerUnavailable, RateLimited
from trading.conductor.leases import lease
from trading.conductor.processes import is_gone
from trading.conductor.reconciling.holding_checks import HoldingBaseline
from trading.conductor.refresher import Refresher
from trading.ledger.book import Ledger
from trading.ledger.mode import THE_ROW, Installation
from trading.risk.checking import Gate, KnownFacts
from trading.risk.controls import lock_controls
from trading.risk.facts import known
from trading.risk.gate import Allowed, Denied
from trading.risk.reading import day_began
from trading.risk.records import end_denials_of, keep_check, keep_denial
from trading.risk.situation import Request
from trading.submission.pauses import BrokerPause, pauses_for_all
from trading.values.arithmetic import ZERO, add, plain, subtract
from trading.values.quantities import Shares
from trading.values.sides import Side
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)

RUN_LASTS = timedelta(minutes=10)
"""So long a run is the only one at the most; whoever has died before does not keep the next one waiting."""

# So long the broker has to tell what the gate asks for, before that counts as a denial.
FACTS_AWAITED_FOR = timedelta(seconds=5)
LOOK_AGAIN_SECONDS = Decimal(1)
LONGEST_PAUSE = timedelta(seconds=60)
MOST_PAUSES = 3
ONE_SHARE = Shares(Decimal(1))
AGAIN = "`manage.py execute_decisions` tries it again, as long as its day lasts"
NOT_AGAIN = "It has failed by that, and is not asked for again"


class Busy(Exception):
    """Another process is executing decisions at this broker. Nothing was done."""


class Turn(msgspec.Struct, frozen=True):
    """What came of one thing that was wanted."""

    wanted: Wanted
    state: str
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.wanted}: {self.state}" + (f", {self.reason}" if self.reason else "")


class Executor:
    """Executes what is decided, at one broker."""

    def __init__(
        self,
        *,
        carrier: Carrier,
        gate: Gate,
        ledger: Ledger,
        clock: Callable[[], datetime],
        wait: Callable[[Decimal], None],
        facts: KnownFacts = known,
    ) -> None:
        """`wait` waits for so many seconds."""
        self._carrier, self._broker, self._gate, self._ledger = carrier, carrier.broker, gate, ledger
        self._clock, self._wait, self._facts = clock, wait, facts

    # What is decided.

    def execute(self, *, strategy: str | None = None, side: Side | None = None) -> list[Turn]:
        """Carry out the pending decisions of today, or those of one strategy or side. Raises Busy, NotTheAccount.

        What an earlier run left in the middle is looked for first. After all had their turn, the first unforeseen
        error is raised.
        """
        account = self._account()
        with lease(f"decisions at {self._broker.name}", now=self._clock(), lasts=RUN_LASTS) as held:
            if not held:
                raise Busy(f"another process executes decisions at {self._broker.name}")
            book = AuditBook()
            failure = self._take_up(book, account)
            cancel_outdated(today=self._today(), now=self._clock())
            return self._one_by_one(book, self._pending(account, strategy, side), failure)

    # What a strategy drafted.

    def carry_out(self, drafts: Sequence[Draft], *, trading_day: date, audit_trail: bool) -> list[Turn]:
        """Store what was drafted, all of it, and then execute it; without the audit trail, order it straight away.

        Raises Busy, NotTheAccount, NotADraft.
        """
        account = self._account()
        if audit_trail:
            decided = store(drafts, account=account, trading_day=trading_day, decided_at=self._clock()).decisions
            ids = {decision.decision_id for decision in decided}
            return [turn for turn in self.execute() if turn.wanted.decision_id in ids]
        with lease(f"decisions at {self._broker.name}", now=self._clock(), lasts=RUN_LASTS) as held:
            if not held:
                raise Busy(f"another process executes decisions at {self._broker.name}")
            book, mark = LegacyBook(), Installation.objects.get(id=THE_ROW).mark
            failure = self._take_up(book, account)
            wanted = [
                wanted_at_once(draft, account=account, trading_day=trading_day, installation=mark) for draft in drafts
            ]
            return self._one_by_one(book, wanted if trading_day == self._today() else [], failure)

    def _account(self) -> TradedAccount:
        return self._carrier.account.traded(self._clock())

    def _today(self) -> date:
        return day_began(self._clock()).date()

    def _pending(self, account: TradedAccount, strategy: str | None, side: Side | None) -> list[Wanted]:
        rows = TradeDecision.objects.filter(
            status=Status.PENDING,
            trading_day=self._today(),
            broker=account.broker,
            account_number=account.number,
            trading_mode=account.mode,
        )
        if strategy is not None:
            rows = rows.filter(strategy_name=strategy)
        if side is not None:
            rows = rows.filter(side=side)
        return [wanted_by(row) for row in rows.order_by("-strength_order", "id")]

    def _take_up(self, book: Book, account: TradedAccount) -> Exception | None:
        """Look for what was being sent when a process died; no second one is sent meanwhile.

        Return the first unforeseen error, which is raised after what is wanted now had its turn.
        """
        now, failure = self._clock(), None
        for order in book.open_orders(self._broker.name):
            if order.account != account:
                continue
            left = order.not_before is None or order.not_before <= now
            if order.state is OrderState.SENDING and (left or (order.sender is not None and is_gone(order.sender))):
                try:
                    self._carrier.follow_up(book, order)
                except BrokerUnavailable as outage:
                    log.warning("Order can't be looked for yet", order=order.client_order_id, error=str(outage))
                except Exception as error:  # each by itself; the run fails after all had their turn
                    log.exception("Order can't be taken up", order=order.client_order_id)
                    failure = failure or error
        return failure

    def _one_by_one(self, book: Book, wanted: list[Wanted], failure: Exception | None = None) -> list[Turn]:
        turns = []
        for each in strongest_first(wanted):
            try:
                turn, goes_on = self._execute(book, each)
            except Exception as error:  # each by itself; the run fails after all had their turn
                log.exception("Decision can't be executed", decision=str(each.decision_id), wanted=str(each))
                failure = failure or error
                continue
            if turn is not None:
                turns.append(turn)
            if not goes_on:
                break
        if failure is not None:
            raise failure
        return turns

    def _execute(self, book: Book, wanted: Wanted) -> tuple[Turn | None, bool]:
        """Place and send one order. Return what came of it, and whether the next may have its turn."""
        placed = self._placed(book, wanted)
        if placed is None:
            return None, True  # Another process has acted on it.
        if isinstance(placed, Denied):
            state = "failed" if placed.rule in FINAL else "blocked"
            return Turn(wanted, state, f"{placed.rule}: {placed.text}"), True
        stands, goes_on = self._sent(book, placed)
        return Turn(wanted, stands.state, stands.reason), goes_on

    # Placing.

    def _placed(self, book: Book, wanted: Wanted) -> PlacedOrder | Denied | None:
        """Let an order become our intent, or be denied; what is not known yet is awaited for a little."""
        until = self._clock() + FACTS_AWAITED_FOR
        while True:
            ask_again_where_outdated(wanted, now=self._clock())
            Refresher(broker=self._broker, wanting=lambda: [wanted.symbol]).run_once(now=self._clock())
            last = self._clock() >= until
            placed = self._place(book, wanted, last=last)
            if not isinstance(placed, Denied) or not placed.rule.is_of_facts or last:
                return placed
            self._wait(LOOK_AGAIN_SECONDS)

    def _place(self, book: Book, wanted: Wanted, *, last: bool) -> PlacedOrder | Denied | None:
        now = self._clock()
        with transaction.atomic(durable=True):
            lock_controls()  # Before any row of ours, so that no two wait for each other.
            attempt = book.claim(wanted, now=now)
            if attempt is None:
                return None
            request, size, verdict = self._verdict(wanted, now)
            if isinstance(verdict, Denied):
                if last or not verdict.rule.is_of_facts:
                    self._deny(book, wanted, request, verdict, attempt, now)
                return verdict
            order = self._order(wanted, fitting(size, verdict.shares), attempt, now)
            keep_check(request, verdict, client_order_id=order.client_order_id, order_id=None, now=now)
            placed = book.place(wanted, order, attempt=attempt)
            end_denials_of(wanted.symbol, broker=self._broker.name, strategy=wanted.strategy, now=now)
        log.info("Decision placed", order=order.client_order_id, wanted=str(wanted), shares=plain(verdict.shares))
        return placed

    def _verdict(self, wanted: Wanted, now: datetime) -> tuple[Request, Size, Allowed | Denied]:
        """What the gate says of it. Where there is nothing to order, it is still asked whether this is the time."""
        facts = self._facts(self._broker.name, [wanted.symbol])[wanted.symbol]
        sized = outdated(wanted, facts.holdings) or size_of(
            wanted,
            capabilities=self._broker.capabilities,
            facts=facts,
            not_ours=self._not_ours(wanted.symbol) if wanted.side is Side.SELL else ZERO,
        )
        size = sized if isinstance(sized, Size) else Size(ONE_SHARE)
        request = Request(
            broker=self._broker.name,
            strategy=wanted.strategy,
            symbol=wanted.symbol,
            side=wanted.side,
            shares=size.shares,
            reference_price_usd=wanted.reference_price_usd,
            limit_price_usd=wanted.limit_price_usd,
        )
        verdict = self._gate.check(request, now=now)
        if isinstance(sized, Size):
            return request, size, verdict
        request = msgspec.structs.replace(request, shares=Shares(ZERO))  # As it is written down: nobody knows how many.
        if isinstance(verdict, Denied) and (sized is None or verdict.rule not in FINAL):
            return request, size, verdict
        if sized is None:
            raise LookupError(f"the gate lets {wanted} through, and it is not known how much to order")
        return request, size, sized

    def _not_ours(self, symbol: Symbol) -> Decimal:
        """The shares of a symbol that are held for hedges, or put aside by an operator."""
        held = ZERO
        for position in self._ledger.memory().positions():
            if position.symbol == symbol:
                held = subtract(position.broker_bought, position.broker_sold)
        baseline = HoldingBaseline.objects.filter(broker=self._broker.name, symbol=symbol).first()
        return held if baseline is None else add(held, baseline.shares)

    def _order(self, wanted: Wanted, size: Size, attempt: int, now: datetime) -> PlacedOrder:
        mark = Installation.objects.get(id=THE_ROW).mark
        return PlacedOrder(
            decision_id=wanted.decision_id,
            strategy=wanted.strategy,
            trading_day=wanted.trading_day,
            account=wanted.account,
            request=OrderRequest(
                client_order_id=order_id(installation=mark, decision=wanted.decision_id, attempt=attempt),
                symbol=wanted.symbol,
                side=wanted.side,
                shares=size.shares if size.notional_usd is None else None,
                notional_usd=size.notional_usd,
                limit_price_usd=wanted.limit_price_usd,
                created_at=now,
            ),
            requested_shares=size.shares,
            sender=self._carrier.process,
            not_before=now + SENDING_TAKES,
        )

    def _deny(self, book: Book, wanted: Wanted, request: Request, denied: Denied, attempt: int, now: datetime) -> None:
        final = denied.rule in FINAL
        keep_denial(request, denied, now=now, again=NOT_AGAIN if final else AGAIN)
        if final:
            end_denials_of(wanted.symbol, broker=self._broker.name, strategy=wanted.strategy, now=now)
        book.deny(wanted, denied, attempt=attempt, final=final, now=now)
        log.warning("Decision denied", wanted=str(wanted), rule=denied.rule, reason=denied.text, final=final)

    # Sending.

    def _sent(self, book: Book, order: PlacedOrder) -> tuple[PlacedOrder, bool]:
        """Hand an order over. A broker that asks for a pause gets it; where nothing was sent, it is given back."""
        for pauses in range(MOST_PAUSES + 1):
            try:
                return self._carrier.send(book, order), True
            except BrokerUnavailable as outage:
                pause = self._pause_asked_for()
                if isinstance(outage, RateLimited) and pauses < MOST_PAUSES and pause <= LONGEST_PAUSE:
                    self._wait(Decimal(pause // timedelta(milliseconds=1)) / 1000)
                    if (taken := self._carrier.take_up(book, order)) is None:
                        return self._carrier.as_it_stands(book, order), True
                    order = taken
                    continue
                reason = f"{type(outage).__name__}: {outage}"
                return self._carrier.give_back(book, order, reason), not pauses_for_all(outage)
            except NotTheAccount as wrong:  # Another one was confirmed since this run began.
                return self._carrier.give_back(book, order, str(wrong)), False
        raise AssertionError("the last turn returns")

    def _pause_asked_for(self) -> timedelta:
        row = BrokerPause.objects.filter(broker=self._broker.name).first()
        return timedelta(0) if row is None else max(row.not_before - self._clock(), timedelta(0))
