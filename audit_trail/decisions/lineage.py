"""Lineage: the very records, in the versions that were known, and the runs that brought them, behind each decision."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from django.db import models
from django.db.models import Case, Q, QuerySet, Value, When

from audit_trail.decisions.drafts import Draft, NotADraft
from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun, RunStatus
from audit_trail.ingestion.records import SourceRecord


class Role(StrEnum):
    """What a decision took from a record; in the order in which somebody asks for them."""

    SIGNAL = "signal"
    SCORE = "score"
    PRICE = "price"


class TradeDecisionRecord(models.Model):
    """One record that a decision rests on. A row of records is a version, so this is what was known then."""

    id = models.BigAutoField(primary_key=True)
    trade_decision = models.ForeignKey(TradeDecision, on_delete=models.PROTECT, related_name="records", db_index=False)
    record = models.ForeignKey(SourceRecord, on_delete=models.PROTECT, related_name="decisions", db_index=False)
    role = models.CharField(max_length=6, choices=[(role.value, role.value) for role in Role])

    class Meta:
        db_table = "trade_decision_records"
        verbose_name = "record of a decision"
        verbose_name_plural = "records of decisions"
        constraints = [
            models.UniqueConstraint(fields=["trade_decision", "record", "role"], name="trade_decision_records_once"),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="trade_decision_records_role"
            ),
        ]
        indexes = [models.Index(fields=["record", "trade_decision"], name="trade_decision_records_record")]

    def __str__(self) -> str:
        return f"{self.role} {self.record_id}"


class TradeDecisionRun(models.Model):
    """One ingestion run that a decision looked through, whether or not it found something to follow there."""

    id = models.BigAutoField(primary_key=True)
    trade_decision = models.ForeignKey(TradeDecision, on_delete=models.PROTECT, related_name="runs", db_index=False)
    run = models.ForeignKey(DataIngestionRun, on_delete=models.PROTECT, related_name="decisions", db_index=False)

    class Meta:
        db_table = "trade_decision_runs"
        verbose_name = "run of a decision"
        verbose_name_plural = "runs of decisions"
        constraints = [models.UniqueConstraint(fields=["trade_decision", "run"], name="trade_decision_runs_once")]
        indexes = [models.Index(fields=["run", "trade_decision"], name="trade_decision_runs_run")]

    def __str__(self) -> str:
        return f"run {self.run_id}"


def check_lineage(drafts: Sequence[Draft], decided_at: datetime) -> None:
    """Raise NotADraft where one rests on what is not in our tables, or was not known when it was decided."""
    known = dict(SourceRecord.objects.filter(pk__in=_records(drafts)).values_list("pk", "known_at"))
    runs = dict(
        DataIngestionRun.objects.filter(
            pk__in={run for draft in drafts for run in draft.runs}, status=RunStatus.COMPLETED
        ).values_list("pk", "completed_at")
    )
    for draft in drafts:
        who = f"{draft.strategy} on {draft.symbol}"
        if missing := sorted(_records([draft]) - known.keys()):
            raise NotADraft(f"{who}: expected records of ours, found none numbered {_listed(missing)}")
        if missing := sorted(set(draft.runs) - runs.keys()):
            raise NotADraft(f"{who}: expected completed runs, found none numbered {_listed(missing)}")
        newest = max((known[record] for record in _records([draft])), default=draft.known_at)
        if newest > draft.known_at:
            raise NotADraft(
                f"{who}: expected to rest on what was known by {draft.known_at.isoformat()}, rests on a record that "
                f"came into our tables at {newest.isoformat()}"
            )
        if late := sorted(run for run in set(draft.runs) if runs[run] > decided_at):
            raise NotADraft(f"{who}: expected runs that had ended by {decided_at.isoformat()}, was {_listed(late)}")


def keep_lineage(decided: Sequence[tuple[Draft, TradeDecision]]) -> None:
    """Keep what each decision rests on; in the commit that stores them."""
    TradeDecisionRecord.objects.bulk_create(
        TradeDecisionRecord(trade_decision=row, record_id=record, role=role)
        for draft, row in decided
        for role, records in _by_role(draft).items()
        for record in sorted(set(records))
    )
    TradeDecisionRun.objects.bulk_create(
        TradeDecisionRun(trade_decision=row, run_id=run) for draft, row in decided for run in sorted(set(draft.runs))
    )


def records_behind(decision: TradeDecision) -> "QuerySet[TradeDecisionRecord]":
    """The records that a decision rests on: of its signals, then of scores, then of prices."""
    places = [When(role=role, then=Value(place)) for place, role in enumerate(Role)]
    rows: QuerySet[TradeDecisionRecord] = TradeDecisionRecord.objects.filter(trade_decision=decision)
    return rows.select_related("record").order_by(Case(*places), "record_id")


def _records(drafts: Sequence[Draft]) -> set[int]:
    return {record for draft in drafts for records in _by_role(draft).values() for record in records}


def _by_role(draft: Draft) -> dict[Role, tuple[int, ...]]:
    return {Role.SIGNAL: draft.records, Role.SCORE: draft.score_records, Role.PRICE: draft.price_records}


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(map(str, numbers))
