"""The judge of decisions: what our rows must say the product's own invariants say; here is what stands beside them.

It looks at each call before it leaves, at our rows after each command, and at the end at the venue's own book, and at
what sources told, by what they were seen to tell.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import msgspec
from django.db import connection

from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import ENDS, Status, TradeDecision
from audit_trail.decisions.rationale import NotARationale, rationale
from audit_trail.executions.carrier import TRIES_BEFORE_A_NOTICE
from audit_trail.executions.models import DecisionHolding, TradeExecution
from audit_trail.executions.orders import OrderState
from audit_trail.ingestion.models import DataIngestionRun, ParkedRow, RunStatus
from audit_trail.ingestion.records import SourceRecord
from audit_trail.invariants import decisions as of_decisions
from audit_trail.invariants import executions as of_executions
from audit_trail.invariants.every import OF_THE_AUDIT_TRAIL
from audit_trail.payloads.models import ApiCallLog
from audit_trail.sources.quiver.feeds import FEEDS
from tests.simulation.deciding_surroundings import QUIVER_URL
from trading.invariants.looking import Look
from trading.invariants.violations import Invariant
from trading.notices.models import open_notices
from trading.risk.controls import standing_switch
from trading.submission.submitter import NEVER_HAD
from trading.values.arithmetic import plain, subtract

if TYPE_CHECKING:
    from tests.simulation.deciding import DecidingPlay

AFTER_EACH_COMMAND = (
    of_decisions.day_says_what_it_meant,
    of_decisions.decision_says_why,
    of_decisions.lineage_was_known,
    of_decisions.decision_stands_as_its_executions,
    of_executions.execution_is_one_order,
    of_executions.execution_was_let_through,
    of_executions.decided_before_it_was_executed,
    of_executions.strongest_is_executed_first,
    of_executions.execution_fills_add_up,
    of_executions.decisions_hold_what_was_filled,
    of_executions.legacy_orders_agree,
)
STUCK = ("decision_order_stuck", "decision_order_stopped")
STAY = ("late_fill", "overfill", "rows_parked")
"""Notices that stay open for an operator to read."""


@dataclass
class Seen:
    """A call that was about to leave, and what came of it."""

    record: int | None
    process: int
    url: str
    content: bytes
    answer: bytes | None = None
    status: int = 0
    rows: list[str] | None = None
    """Of a source that answered with some."""

    @property
    def page(self) -> str:
        return parse_qs(urlsplit(self.url).query).get("page", ["1"])[0]


class DecisionsJudge:
    """Watches one play."""

    def __init__(self, play: "DecidingPlay") -> None:
        self._play = play
        self._calls: list[Seen] = []
        self._told_at: dict[str, datetime] = {}
        """When each row was first told by its source."""

        self._began: dict[int, datetime] = {}
        self._commands: dict[int, str] = {}
        self._at_work: list[int] = []
        self._troubled: set[int] = set()
        self._too_late: set[int] = set()
        """Processes that were held up, perhaps in the midst of sending, when a switch was thrown."""

        self._seen: Any = None

    # While it plays.

    def begins(self, process: int, command: str, *, troubled: bool) -> None:
        self._began[process], self._commands[process] = self._play.clock(), command
        self._at_work.append(process)
        if troubled:
            self._troubled.add(process)

    def ends(self, process: int, *, died: bool) -> None:
        self._at_work.remove(process)
        self._too_late.discard(process)
        if died:
            self._troubled.add(process)

    def a_switch_was_thrown(self) -> None:
        self._too_late |= set(self._at_work)

    def before_a_call(self, request: httpx2.Request) -> Seen:
        """Look at a call. What the judge asks the database is no statement of the process under way."""
        with self._play.boundaries.armed(None), self._play.troubles.armed(None):
            return self._look_at_a_call(request)

    def _look_at_a_call(self, request: httpx2.Request) -> Seen:
        """I15: a call leaves after it is on record, to the byte, and within no transaction."""
        process, url, content = self._play.machines.at_work if self._at_work else 0, str(request.url), request.read()
        if self._play.boundaries.is_within_a_transaction():
            self._play.wrong(f"{request.method} {url} was about to be sent inside a transaction")
        row = ApiCallLog.objects.select_related("request_payload").order_by("-id").first()
        kept = row is not None and (
            (row.method, row.endpoint, row.ended_at) == (request.method, url, None)
            and row.request_payload.sha256 == hashlib.sha256(content).hexdigest()
        )
        if not kept:
            self._play.wrong(f"I15: {request.method} {url} was about to be sent, and is not on record as it is")
        seen = Seen(row.pk if kept and row is not None else None, process, url, content)
        self._calls.append(seen)
        if request.method == "POST" and urlsplit(url).path.endswith("/orders"):
            self._before_an_order(json.loads(content)["client_order_id"], process)
        return seen

    def answered(self, seen: Seen, response: httpx2.Response) -> None:
        seen.answer, seen.status = response.content, response.status_code
        if response.status_code == 200 and seen.url.startswith(QUIVER_URL):
            seen.rows = _rows_of(response.content)
            for text in seen.rows or ():
                self._told_at.setdefault(text, self._play.clock())

    def _before_an_order(self, name: str, process: int) -> None:
        """I5, I10, I13, I14: an order leaves after its decision and why, strongest first, and under no switch."""
        wrong = self._play.wrong
        if self._commands.get(process) == "cancel_decision":
            wrong(f"I5: {name} was about to be sent by who was asked to cancel it")
        decision = TradeDecision.objects.filter(decision_id=UUID(name.split("-")[-2])).first()
        if decision is None:
            wrong(f"I5: {name} was about to be sent without a decision")
            return
        attempt = TradeExecution.objects.filter(client_order_id=name, trade_decision=decision).first()
        if attempt is None:
            wrong(f"I5: {name} was about to be sent without a committed intent")
            return
        if not attempt.is_open:
            wrong(f"I5: {name} was about to be sent after it ended as {attempt.status}")
        if decision.status not in (Status.SUBMITTED, Status.UNKNOWN):
            wrong(f"I5: {name} was about to be sent while its decision is {decision.status}")
        try:
            rationale(msgspec.json.decode(decision.decision_rationale, type=dict[str, Any]))
        except (NotARationale, msgspec.DecodeError) as error:
            wrong(f"I14: {name} was about to be sent without a rationale: {error}")
        if not TradeDecisionRun.objects.filter(trade_decision=decision).exists():
            wrong(f"I14: {name} was about to be sent, and rests on no run")
        symbol, strategy = decision.symbol, decision.strategy_name
        if standing_switch(broker=decision.broker, symbol=symbol, strategy=strategy) is not None:
            if process not in self._too_late:
                wrong(f"I10: {name} was about to be sent while a kill switch is on")
            self._too_late.discard(process)
        if attempt.sender is not None and attempt.sender.split(":")[1] == str(process):
            self._look_at_those_passed_by(name, decision, process)

    def _look_at_those_passed_by(self, name: str, decision: TradeDecision, process: int) -> None:
        """I13: what is stronger, was decided by then and is pending, had its turn in this process before."""
        if process in self._troubled:
            return
        stronger = TradeDecision.objects.filter(
            status=Status.PENDING,
            side=decision.side,
            trading_day=decision.trading_day,
            strength_order__gt=decision.strength_order,
        )
        for other in stronger:
            was_there = other.decided_at == decision.decided_at or other.pk < decision.pk
            had_its_turn = other.blocked_at is not None and other.blocked_at >= self._began[process]
            if was_there and not had_its_turn:
                self._play.wrong(f"I13: {name} was about to be sent before {other}, which is stronger")

    def after_a_command(self) -> None:
        """Look at what our rows say, where a decision or an attempt changed."""
        rows = (
            list(TradeDecision.objects.order_by("id").values_list("pk", "status", "updated_at")),
            list(TradeExecution.objects.order_by("id").values_list("pk", "status", "filled_shares", "updated_at")),
        )
        if rows != self._seen:
            self._seen = rows
            self._look(AFTER_EACH_COMMAND)
            self._look_at_proofs()
            self._look_at_what_is_told()

    def _look_at_proofs(self) -> None:
        """I7: what was held to be never there is not. Who sends later what was held up says so by the time of it."""
        ended = dict(
            TradeExecution.objects.filter(status=OrderState.FAILED, reason__startswith=NEVER_HAD).values_list(
                "client_order_id", "ended_at"
            )
        )
        for order in self._play.venue.exchange.orders:
            at = ended.get(order.ask.client_id)
            if at is not None and order.entered_at <= at:
                self._play.wrong(
                    f"I7: {order.ask.client_id} is held to be never there, and is since {order.entered_at}"
                )

    def _look_at_what_is_told(self) -> None:
        """V2: of what was looked for so often in vain an operator is told by the look that was one too many."""
        told = {notice.subject for notice in open_notices() if notice.kind in STUCK}
        rows = TradeExecution.objects.filter(status=OrderState.UNKNOWN, tries__gte=TRIES_BEFORE_A_NOTICE)
        for row in rows.exclude(client_order_id__in=told):
            self._play.wrong(f"V2: {row} was looked for in vain {row.tries} times, and no notice of it is open")

    # At the end.

    def after_a_clean_day(self, code: int) -> None:
        """A day on which nothing goes wrong is decided on what was fetched on it, and what is decided ends."""
        today = self._play.clock().date()
        runs = DataIngestionRun.objects.filter(started_at__date=today)
        done = set(runs.filter(status=RunStatus.COMPLETED).values_list("task_name", flat=True))
        if missing := {*FEEDS, "bars"} - done:
            self._play.wrong(f"I16: a clean day fetched no {', '.join(sorted(missing))}, and ended with {code}")
        for row in TradeDecision.objects.exclude(status__in=ENDS):
            self._play.wrong(f"V1: {row} is {row.status} after a clean day, blocked by {row.blocked_by}")

    def last_word(self, *, strict: bool) -> None:
        """Hold everything against everything. `strict`: the operator has acted, so nothing is left to one."""
        found = (
            *self._orders(strict),
            *self._holdings(strict),
            *self._runs(strict),
            *self._rows(),
            *self._lineages(),
            *self._records_of_calls(),
            *self._notices(strict),
        )
        for wrong in found:
            self._play.wrong(f"{wrong}{' after the operator acted' if strict else ''}")
        self._look(OF_THE_AUDIT_TRAIL)
        try:
            connection.check_constraints()
        except Exception as error:  # noqa: BLE001 - whatever it says is a violation
            self._play.wrong(f"a constraint does not hold: {error}")

    def with_operator(self) -> list[TradeExecution]:
        """The open orders that nobody but an operator will end, which is told."""
        told = {notice.subject for notice in open_notices() if notice.kind in STUCK}
        rows = TradeExecution.objects.filter(status=OrderState.UNKNOWN).select_related("trade_decision").order_by("id")
        return [row for row in rows if row.client_order_id in told]

    def is_there(self, decision: int) -> bool:
        """Tell whether the venue ever had an order of a decision, as an operator would see who looks there."""
        names = set(TradeExecution.objects.filter(trade_decision=decision).values_list("client_order_id", flat=True))
        return any(order.ask.client_id in names for order in self._play.venue.exchange.orders)

    def _look(self, invariants: Iterable[Invariant]) -> None:
        story = self._play.story
        for each in invariants:
            look = Look(mode=story.mode, legacy_projection=story.legacy_projection, now=self._play.clock())
            for violation in each.violations(look):
                self._play.wrong(f"{', '.join(each.rows)}: {violation}")

    def _orders(self, strict: bool) -> Iterator[str]:
        """I4, I6, I13, V2: one broker order an attempt, one at most a decision, and booked is what was filled."""
        venue = self._play.venue
        waiting = {row.client_order_id for row in self.with_operator()}
        attempts = {
            row.client_order_id: row
            for row in TradeExecution.objects.select_related("trade_decision").exclude(status=OrderState.DENIED)
        }
        taken: Counter[Any] = Counter()
        names: Counter[Any] = Counter(order.ask.client_id for order in venue.exchange.orders)
        for order in venue.exchange.orders:
            name, row = order.ask.client_id, attempts.get(order.ask.client_id)
            if row is None or names[name] != 1:
                yield f"I4: {names[name]} orders at the venue stand for {name}, which is {row and row.status}"
                continue
            taken[row.trade_decision.decision_id] += 1
            if name in waiting and not strict:
                continue
            if row.broker_order_id != venue.name_of(order):
                yield f"I4: {name} is {row.status} as {row.broker_order_id}, the venue has it as {venue.name_of(order)}"
            if row.filled_shares != order.filled:
                yield f"I6: {name} has {plain(row.filled_shares)} booked, the venue filled {plain(order.filled)}"
            if row.is_open or order.is_open:
                yield f"V2: {name} is {row.status}, the venue's is {'open' if order.is_open else 'ended'}"
        for decision, times in taken.items():
            if times > 1:
                yield f"I13: decision {decision} has {times} orders at the venue"
        for name, row in attempts.items():
            if not names[name] and (row.broker_order_id is not None or row.filled_shares):
                yield f"I4: {name} is {row.status} as {row.broker_order_id}, which the venue never took"
            if not names[name] and row.is_open and (strict or name not in waiting):
                yield f"V2: {name} is {row.status} and the venue has none"

    def _holdings(self, strict: bool) -> Iterator[str]:
        """I1: the account holds what decisions hold, since nobody else trades there."""
        waiting = {row.trade_decision.symbol for row in self.with_operator()}
        account = self._play.venue.exchange.account()
        held = {row.symbol: subtract(row.bought_shares, row.sold_shares) for row in DecisionHolding.objects.all()}
        for symbol in sorted({*held, *account.holdings}):
            ours, theirs = held.get(symbol, 0), account.shares_of(symbol)
            if ours != theirs and (strict or symbol not in waiting):
                yield f"I1: decisions hold {ours} {symbol}, the account {theirs}"

    def _runs(self, strict: bool) -> Iterator[str]:
        """I9: a run ends, or is told as dead by the next one."""
        if strict:
            for row in DataIngestionRun.objects.filter(status=RunStatus.RUNNING):
                yield f"I9: {row} is running since {row.started_at}"

    def _rows(self) -> Iterator[str]:
        """I9, I14: every row that a run was told is a record, a version of one, or parked; and counted."""
        told: defaultdict[UUID, dict[str, list[str]]] = defaultdict(dict)
        runs = dict(ApiCallLog.objects.exclude(run_id=None).values_list("pk", "run_id"))
        for seen in self._calls:
            if seen.rows is not None and seen.record in runs:
                told[runs[seen.record]][seen.page] = seen.rows
        for task, feed in FEEDS.items():
            mark_of = feed.kind.mark_of
            kept = {
                mark_of(row) for row in SourceRecord.objects.filter(kind=feed.kind.name).values_list("row", flat=True)
            }
            kept |= set(ParkedRow.objects.filter(kind=feed.kind.name).values_list("mark", flat=True))
            for run in DataIngestionRun.objects.filter(task_name=task, status=RunStatus.COMPLETED):
                rows = [text for page in told[run.run_id].values() for text in page]
                if len(rows) != run.records_fetched:
                    yield f"I9: run {run.run_id} of {task} was told {len(rows)} rows and counts {run.records_fetched}"
                for text in rows:
                    if mark_of(text) not in kept:
                        yield f"I14: run {run.run_id} of {task} was told a row that is kept nowhere: {text}"

    def _lineages(self) -> Iterator[str]:
        """I14, I16: what a decision rests on was told by its source before it was decided."""
        kinds = [feed.kind.name for feed in FEEDS.values()]
        rows = TradeDecisionRecord.objects.filter(record__kind__in=kinds)
        for row in rows.select_related("record", "trade_decision"):
            told_at, decision = self._told_at.get(row.record.row), row.trade_decision
            if told_at is None:
                yield f"I14: {decision} rests on a row that no source ever told: {row.record.row}"
            elif told_at > decision.decided_at:
                yield f"I14: {decision} of {decision.decided_at} rests on a row that was first told at {told_at}"

    def _records_of_calls(self) -> Iterator[str]:
        """I15: of every call that left there is a record, and of every answer that came; where we lived to keep it."""
        rows = ApiCallLog.objects.select_related("response_payload").in_bulk([seen.record for seen in self._calls])
        for seen in self._calls:
            row = rows.get(seen.record)
            if row is None:
                yield f"I15: of a call to {seen.url} there is no record"
                continue
            if row.response_payload is not None:
                response = row.response_payload
                came = hashlib.sha256(seen.answer or b"").hexdigest()
                if (row.http_status_code, response.sha256) != (seen.status, came) and not response.secrets:
                    yield f"I15: call {row.pk} to {seen.url} was answered otherwise than is kept"
            elif row.ended_at is None and seen.process not in self._troubled:
                yield f"I15: call {row.pk} to {seen.url} has no end, and nobody died over it"
            elif row.error is not None and seen.answer is not None and not row.error.startswith("ReadTimeout"):
                yield f"I15: call {row.pk} to {seen.url} was answered, and is kept as one that failed: {row.error}"

    def _notices(self, strict: bool) -> Iterator[str]:
        if not strict:
            return
        parked = ParkedRow.objects.filter(settled_at=None).exists()
        for notice in open_notices():
            if notice.kind not in STAY or (notice.kind == "rows_parked" and not parked):
                yield f"a notice is open, {notice}: {notice.text}"


def _rows_of(content: bytes) -> list[str] | None:
    try:
        return [bytes(row).decode() for row in msgspec.json.decode(content, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        return None
