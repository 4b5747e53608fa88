"""Comparison: what is alike is passed over, and whatever is changed, missing or left over is found."""

import threading
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F

from eventstore.models import StoredEvent
from tests.eventstore.tampering import unprotect
from tests.trading.ledger import agreement
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import AT, Steps, tx_hash
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.compare import Difference, behind, compare
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Mode
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeAccumulator, TradeExecutionLink
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.position.view import PositionView

pytestmark = pytest.mark.django_db


def some_story(mode=Mode.DUAL, **options):
    """Fills, one of them reorged and back, netted ones, an order that ended and one under way."""
    steps = Steps(mode, **options)
    steps.fill("BUY", "1.25")
    gone = steps.fill("BUY", "0.5")
    steps.fill("SELL", "0.25")
    steps.submit(first := steps.hedge())
    steps.complete(first, "1.5", price="101.5")
    steps.reorg(gone)
    steps.fill("BUY", "2", block=200, tx=gone.tx_hash)
    steps.enrich(gone)
    steps.submit(second := steps.hedge())
    steps.partly_fill(second, "0.5")
    steps.fill("SELL", "3", "TSLA0x")
    return steps


def differences(mode=Mode.DUAL, **options):
    return list(compare(mode, **options))


def cells(found):
    return {(d.kind, d.what) for d in found}


@pytest.mark.parametrize("mode", list(Mode))
def test_what_the_ledger_wrote_is_alike(mode):
    some_story(mode)

    assert differences(mode) == []


def test_a_ledger_whose_events_are_archived_is_alike(settings, tmp_path):
    settings.ARCHIVE_FOLDER = tmp_path
    some_story()
    stored = StoredEvent.objects.count()
    call_command("seal_log")
    call_command("archive_log", "--up-to", str(10**9), "--remove", "--yes")

    assert StoredEvent.objects.count() < stored
    assert not StoredEvent.objects.filter(aggregate_id="AAPL", version=1).exists()
    assert differences() == []
    assert differences(Mode.EVENTS) == []


def test_in_legacy_there_is_nothing_to_compare():
    some_story(Mode.LEGACY)
    TradeAccumulator.objects.update(net_position=99)

    assert differences(Mode.LEGACY) == []


def test_an_empty_ledger_is_alike():
    assert differences() == []


# One cell changed. Every column that either memory keeps is here by name, or fails the test of completeness below.

CHANGED = {
    OnchainTrade: {
        "token_symbol": "tOTHER",
        "base_symbol": "OTHER",
        "amount": Decimal("9"),
        "side": "SELL",
        "price_usdc": Decimal("1"),
        "usdc_amount": Decimal("1"),
        "amount_raw": "77",
        "usdc_raw": "77",
        "block_number": 3,
        "block_hash": tx_hash("other"),
        "block_timestamp": AT,
        "gas_used": 1,
        "effective_gas_price": 1,
        "migrated": True,
        "unlinked_shares": Decimal("0.125"),
        "stream_version": 9,
        "created_at": AT,
    },
    TradeAccumulator: {
        "net_position": Decimal("7"),
        "accumulated_long": Decimal("7"),
        "accumulated_short": Decimal("7"),
        "onchain_bought": Decimal("7"),
        "onchain_sold": Decimal("7"),
        "broker_bought": Decimal("7"),
        "broker_sold": Decimal("7"),
        "adjusted_shares": Decimal("7"),
        "threshold": "2 shares",
        "pending_execution_id": None,
        "pending_side": "BUY",
        "pending_shares": Decimal("7"),
        "pending_filled_shares": Decimal("7"),
        "last_price_usdc": Decimal("7"),
        "last_price_at": AT,
        "last_price_block": 7,
        "last_price_log_index": 7,
        "stream_version": 70,
        "last_updated": AT,
    },
    OffchainTrade: {
        "symbol": "OTHER",
        "shares": Decimal("70"),
        "side": "BUY",
        "broker": "alpaca",
        "broker_order_id": "other",
        "order_id": "other",
        "client_order_id": "other",
        "attempt": 2,
        "detailed_status": "submitted",
        "accepted_shares": Decimal("7"),
        "filled_shares": Decimal("0.75"),
        "average_price_usd": Decimal("7"),
        "price_cents": 7,
        "reason": "another",
        "sending_at": AT,
        "submitted_at": AT,
        "placed_at": AT,
        "unallocated_shares": Decimal("7"),
        "unallocated_cause": "another",
        "stream_version": 70,
    },
}
# What can't be changed by itself in a legal row, or names no fact of its own.
LEFT_OUT = {
    OnchainTrade: {"id", "tx_hash", "log_index", "reorged_at"}
    | {"pyth_price", "pyth_confidence", "pyth_exponent", "pyth_publish_time", "pyth_feed_id"},
    TradeAccumulator: {"symbol"},
    OffchainTrade: {"id", "status", "ended_at"},
}
VIEWS = {OnchainTrade: OnChainTradeView, TradeAccumulator: PositionView, OffchainTrade: OffchainOrderView}
KIND = {OnchainTrade: "trade", TradeAccumulator: "position", OffchainTrade: "order"}
ONLY_LEGACY = {"created_at", "order_id"}
LINKED = {"unlinked_shares", "unallocated_shares", "unallocated_cause"}


def test_every_column_is_held():
    for model, changed in CHANGED.items():
        columns = {field.attname for field in model._meta.concrete_fields}
        assert columns == set(changed) | LEFT_OUT[model]


def newest(model):
    """The row that is changed: a fill that came back, the position with an order under way, and that order."""
    if model is TradeAccumulator:
        return TradeAccumulator.objects.filter(symbol="AAPL")
    if model is OffchainTrade:
        return OffchainTrade.objects.filter(detailed_status="partially_filled")
    return OnchainTrade.objects.filter(block_number=200)


@pytest.mark.parametrize("model", CHANGED)
def test_a_changed_legacy_cell_is_found(model):
    some_story()

    for field, value in CHANGED[model].items():
        with changed(newest(model), field, value):
            (found,) = [d for d in differences() if (d.kind, d.what) == (KIND[model], field)]
            assert found.legacy != found.events


@pytest.mark.parametrize("model", CHANGED)
@pytest.mark.parametrize("kept", [True, False])
def test_a_changed_view_cell_is_found(model, kept):
    some_story(Mode.EVENTS, legacy_projection=kept)
    rows = {
        TradeAccumulator: PositionView.objects.filter(symbol="AAPL"),
        OffchainTrade: OffchainOrderView.objects.filter(detailed_status="partially_filled"),
        OnchainTrade: OnChainTradeView.objects.filter(block_number=200),
    }

    for field, value in CHANGED[model].items():
        if field in ONLY_LEGACY:
            continue
        with changed(rows[model], field, value):
            found = cells(differences(Mode.EVENTS, legacy_projection=kept))
            if field not in LINKED:
                assert (KIND[model], f"view: {field}") in found
                continue
            # No stream tells it: it is held against the legacy row, and against what the links add up to.
            assert ((KIND[model], field) in found) is kept
            assert "sum" in {kind for kind, _ in found}


@contextmanager
def changed(rows, field, value):
    """Change one cell of one row for a while."""
    with transaction.atomic():
        assert rows.update(**{field: value}) == 1
        yield
        transaction.set_rollback(True)


def test_a_difference_shows_both_sides_exactly():
    some_story()
    TradeAccumulator.objects.filter(symbol="TSLA").update(net_position=Decimal("-3.000000000000000000001"))

    assert differences()[:1] == [
        Difference("position", "TSLA", "net_position", "-3.000000000000000000001", "-3"),
    ]


def test_an_older_row_of_a_fill_that_came_back_is_held_too():
    some_story()
    OnchainTrade.objects.exclude(reorged_at=None).update(amount=Decimal("0.75"))
    OnchainTrade.objects.exclude(reorged_at=None).update(reorged_at=AT)

    assert {("trade", "amount"), ("trade", "reorged_at")} <= cells(differences())


# Rows and streams


@pytest.mark.parametrize(
    ("model", "kind"), [(TradeAccumulator, "position"), (OnchainTrade, "trade"), (OffchainTrade, "order")]
)
def test_a_missing_legacy_row_is_found(model, kind):
    some_story()
    TradeExecutionLink.objects.all().delete()
    NettingLink.objects.all().delete()
    TradeAccumulator.objects.update(pending_execution=None)
    model.objects.all().delete()

    missing = [d for d in differences() if d.kind == kind and d.what in ("row", "rows")]

    assert len(missing) == StoredEvent.objects.filter(aggregate_type__iendswith=kind, version=1).count()
    assert {d.legacy for d in missing} == {"0"}


@pytest.mark.parametrize(
    ("view", "kind"), [(PositionView, "position"), (OnChainTradeView, "trade"), (OffchainOrderView, "order")]
)
@pytest.mark.parametrize("kept", [True, False])
def test_a_missing_view_row_is_found(view, kind, kept):
    some_story(Mode.EVENTS, legacy_projection=kept)
    gone = view.objects.count()
    view.objects.all().delete()

    found = [d for d in differences(Mode.EVENTS, legacy_projection=kept) if d.what == "view"]

    assert [d.kind for d in found] == [kind] * gone


def test_rows_without_a_stream_are_found():
    some_story(Mode.LEGACY)

    found = [d for d in differences(Mode.DUAL) if d.what == "stream"]

    assert {(d.kind, d.events) for d in found} == {("trade", None), ("position", None), ("order", None)}
    assert len(found) == 5 + 2 + 2
    assert Difference("position", "TSLA", "stream", "a row at version 2", None) in found


def test_views_without_a_stream_are_found():
    some_story(Mode.EVENTS, legacy_projection=False)
    PositionView.objects.filter(symbol="TSLA").update(symbol="GHOST")
    OffchainOrderView.objects.filter(pk=F("pk")).update(execution_id=F("execution_id") + 1000)

    found = differences(Mode.EVENTS, legacy_projection=False)

    assert Difference("position", "GHOST", "stream", None, "a view row without a stream") in found
    assert Difference("position", "TSLA", "view", None, "no row, and a stream at version 2") in found
    assert [d.kind for d in found if d.what == "stream"].count("order") == 2


def test_a_row_that_only_waits_for_its_first_event_is_no_difference():
    steps = some_story()
    steps.position("NEW")

    assert TradeAccumulator.objects.filter(symbol="NEW").exists()
    assert differences() == []
    TradeAccumulator.objects.filter(symbol="NEW").update(accumulated_long=1, net_position=1)
    assert Difference("position", "NEW", "stream", "a row at version 0", None) in differences()


def test_what_cannot_be_read_is_a_difference_and_hides_no_other():
    steps = some_story()
    trade = OnchainTrade.objects.get(token_symbol="TSLA0x")
    TradeAccumulator.objects.filter(symbol="AAPL").update(net_position=99)
    unprotect()
    StoredEvent.objects.filter(aggregate_id=str(trade.trade)).update(data='{"amount":"many"}')
    StoredEvent.objects.filter(aggregate_id="TSLA", version=2).update(type="PositionEvent::NobodyKnows")

    found = {(d.kind, d.subject): d for d in differences() if d.what == "stream"}

    assert found["trade", str(trade.trade)].events.startswith("unreadable: 'OnChainTradeEvent::Filled' of schema 1")
    assert "NobodyKnows" in found["position", "TSLA"].events
    assert ("position", "net_position") in cells(differences())
    assert steps


def test_an_unreadable_cell_is_a_difference():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps no text in a numeric")
    some_story()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE position_view SET net_position = 'many' WHERE symbol = 'AAPL'")

    found = {(d.kind, d.what): d.events for d in differences()}

    assert found["position", "view: net_position"].startswith("view unreadable: 'many'")
    assert "many" in found["sum", "unreadable"]


def test_an_event_taken_out_of_a_stream_is_found():
    some_story()
    unprotect()
    StoredEvent.objects.filter(aggregate_id="AAPL", version=4).delete()
    StoredEvent.objects.filter(aggregate_id="TSLA", version=2).delete()

    found = {(d.subject, d.what): d.events for d in differences() if d.kind == "position"}

    assert found["AAPL", "stream"].startswith(
        "unreadable: Position-AAPL: expected version 4, found another at version 5"
    )
    # An end that is cut off leaves no gap, but the rows know more than the stream.
    assert found["TSLA", "stream_version"] == "1"
    assert found["TSLA", "view: stream_version"] == "view 2, stream 1"


# Links


@pytest.mark.parametrize(
    ("table", "kind", "changes"),
    [
        (TradeExecutionLink, "link", {"contributed_shares": Decimal("0.25")}),
        (TradeExecutionLink, "link", {"released_shares": Decimal("0.25")}),
        (TradeExecutionLink, "link", {"created_at": AT}),
        (TradeLinkView, "link", {"contributed_shares": Decimal("0.25")}),
        (TradeLinkView, "link", {"released_shares": Decimal("0.25")}),
        (NettingLink, "netting link", {"netted_shares": Decimal("0.125")}),
        (NettingLinkView, "netting link", {"reorged": True}),
        (NettingLinkView, "netting link", {"created_at": AT}),
    ],
)
def test_a_changed_link_is_found(table, kind, changes):
    some_story()
    table.objects.filter(pk=table.objects.order_by("pk").first().pk).update(**changes)

    (field,) = changes
    assert (kind, field) in cells(differences())


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (TradeExecutionLink, "link"),
        (TradeLinkView, "link"),
        (NettingLink, "netting link"),
        (NettingLinkView, "netting link"),
    ],
)
def test_a_missing_link_is_found(table, kind):
    some_story()
    table.objects.order_by("pk").first().delete()

    rows = [d for d in differences() if d.kind == kind]

    assert [(d.what, {d.legacy, d.events}) for d in rows] == [("rows", {"0", "1"})]


def test_links_that_do_not_add_up_are_found_in_each_memory_by_itself():
    some_story(Mode.EVENTS, legacy_projection=False)
    link = TradeLinkView.objects.order_by("pk").first()
    TradeLinkView.objects.filter(pk=link.pk).update(contributed_shares=F("contributed_shares"), released_shares=9)
    PositionView.objects.filter(symbol="TSLA").update(net_position=-4, accumulated_short=4, onchain_sold=4)

    sums = {(d.subject, d.what) for d in differences(Mode.EVENTS, legacy_projection=False) if d.kind == "sum"}

    assert {
        (f"trade {link.trade_id}", "open, linked and netted shares"),
        (f"order {link.execution_id}", "linked and unallocated shares"),
        (f"order {link.execution_id}, trade {link.trade_id}", "released_shares"),
        ("position TSLA", "net explained by open trades and orders"),
    } <= sums


# The backlog


def test_what_waits_on_the_backlog_is_no_difference_and_is_counted(monkeypatch):
    steps = some_story()
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "4")
        steps.fill("BUY", "2", "tNEW")
        (order,) = OffchainTrade.objects.filter(detailed_status="partially_filled")
        steps.complete(order.id)
        steps.hedge()

    assert differences() == []
    waiting = behind()
    assert waiting.events == BackloggedEvent.objects.count() == 9
    assert waiting.symbols == {"AAPL", "NEW"}
    # A legacy row that is not even what the backlog makes of it is a difference.
    TradeAccumulator.objects.filter(symbol="NEW").update(onchain_bought=3)
    assert differences() == [Difference("position", "NEW", "onchain_bought", "3", "2")]


def test_a_backlog_that_does_not_follow_its_stream_is_found(monkeypatch):
    steps = some_story()
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "4", "tTSLA")
    BackloggedEvent.objects.filter(aggregate_id="TSLA").update(version=5)

    assert Difference("position", "TSLA", "stream", None, "expected version 3 next, found 5") in differences()


# At work


@pytest.mark.django_db(transaction=True)
def test_it_reads_as_of_one_moment_and_holds_no_commit_up():
    steps = some_story()
    comparison = compare(Mode.DUAL)
    found = []

    def trade_on():
        other = Steps(Mode.DUAL)
        other.now, other.block = steps.now, 900
        other.fill("BUY", "1")
        found.append(other.position().net)
        connection.close()

    TradeAccumulator.objects.filter(symbol="TSLA").update(net_position=5)
    first = next(comparison)
    thread = threading.Thread(target=trade_on)
    thread.start()
    thread.join(15)

    assert found
    assert first.subject == "TSLA"
    assert {d.subject for d in comparison} == {"position TSLA"}
    assert not connection.in_atomic_block
    TradeAccumulator.objects.filter(symbol="TSLA").update(net_position=-3)
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_a_comparison_that_is_not_read_to_its_end_leaves_no_transaction_behind():
    some_story()
    TradeAccumulator.objects.filter(symbol="TSLA").update(net_position=5)
    comparison = compare(Mode.DUAL)
    next(comparison)
    comparison.close()

    with transaction.atomic(durable=True):
        TradeAccumulator.objects.filter(symbol="TSLA").update(net_position=-3)
    assert differences() == []


def test_thousands_of_rows_are_read_in_chunks(monkeypatch):
    from trading.ledger import invariants

    monkeypatch.setattr(invariants, "CHUNK", 3)
    some_story()
    assert differences() == []
    OnchainTrade.objects.update(token_symbol="tOTHER")

    found = [d for d in differences() if d.what == "token_symbol"]

    assert len(found) == OnchainTrade.objects.count()
    agreement.hold_chains()
