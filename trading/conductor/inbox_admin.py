"""The inbox in the admin: each log that was read from the chain, and what became of it."""

from contextlib import suppress

import msgspec
from django.contrib import admin
from django.db.models import Q

from eventstore.cells import badge, lines, list_link, page_link, pretty_json, short, short_hash, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.conductor.inbox import Outcome, QueuedLog
from trading.ledger.tables import OnchainTrade
from trading.values.identifiers import TradeId

_names = msgspec.json.Decoder(dict[str, msgspec.Raw])

COLOURS = {
    Outcome.QUEUED: "info",
    Outcome.FILL: "success",
    Outcome.FILTERED: "",
    Outcome.PARKED: "danger",
    Outcome.REORGED: "warning",
}
# Nothing says yet what became of a log that waits.
WORDS = {outcome: outcome.value or "queued" for outcome in Outcome}


def event_name(event_data: str) -> str | None:
    """Tell the event that a row is tagged with; None where it is no JSON tagged with one."""
    with suppress(ValueError, RecursionError):
        tagged = _names.decode(event_data)
        if len(tagged) == 1:
            return next(iter(tagged))
    return None


@admin.register(QueuedLog)
class QueuedLogAdmin(ReadOnlyAdmin):
    """A log of the order book, from the queue to its outcome."""

    list_display = (
        "transaction",
        "log_index",
        "block_number",
        "block_timestamp",
        "event",
        "what_became",
        "why",
        "tries",
        "trade",
    )
    list_filter = (
        choices_filter("outcome", {WORDS[outcome]: Q(outcome=outcome) for outcome in Outcome}),
        choices_filter("processed", {"waiting": Q(processed=False), "processed": Q(processed=True)}),
    )
    search_fields = ("^tx_hash", "block_number")
    search_help_text = "A transaction or its beginning, or a block number"
    fieldsets = (
        (None, {"fields": ("tx_hash", "log_index", "event", "what_became", "reason", "became")}),
        ("Chain", {"fields": ("block", "block_hash", "block_timestamp", "reorged_at")}),
        ("Work", {"fields": ("processed", "tries", "not_before", "created_at", "processed_at")}),
        ("Log", {"fields": ("log",)}),
    )

    def transaction(self, row: QueuedLog) -> str:
        return short_hash(row.tx_hash)

    def event(self, row: QueuedLog) -> str:
        return event_name(row.event_data) or badge("unreadable", "danger")

    @admin.display(description="outcome")
    def what_became(self, row: QueuedLog) -> str:
        if row.outcome not in Outcome.values:
            return badge(shown(row.outcome), "danger")
        outcome = Outcome(row.outcome)
        return badge(WORDS[outcome], COLOURS[outcome])

    @admin.display(description="reason")
    def why(self, row: QueuedLog) -> str:
        return short(row.reason)

    def trade(self, row: QueuedLog) -> str:
        if row.outcome != Outcome.FILL:
            return shown(None)
        place = {"tx_hash__exact": row.tx_hash, "log_index__exact": row.log_index}
        return list_link("trading.onchaintrade", "trade", **place)

    @admin.display(description="trade")
    def became(self, row: QueuedLog) -> str:
        trades = OnchainTrade.objects.filter(tx_hash=row.tx_hash, log_index=row.log_index).order_by("pk")
        cells = [
            page_link("trading.onchaintrade", pk, f"trade {pk} in block {shown(block)}")
            for pk, block in trades.values_list("pk", "block_hash")
        ]
        if row.outcome == Outcome.FILL:
            trade = TradeId(row.tx_hash, row.log_index)
            cells.append(list_link("trading.onchaintradeview", "view", id__exact=trade))
        return lines(cells)

    def block(self, row: QueuedLog) -> str:
        return list_link("trading.chainblock", shown(row.block_number), number__exact=row.block_number)

    def log(self, row: QueuedLog) -> str:
        return pretty_json(row.event_data)
