"""Foreign files: an older installation's rows come in exactly, with its defects put right and shown."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore.models import StoredEvent
from tests.support import factories
from tests.support.commands import refused, run
from tests.support.factories import tx_hash
from tests.support.foreign import SHAPES, Foreign
from tests.trading.ledger import agreement
from tests.trading.ledger.steps import Steps
from trading.cutover.findings import Correction
from trading.cutover.foreign_books import keep_books
from trading.cutover.foreign_file import open_foreign
from trading.cutover.foreign_rows import read
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.mode import Installation, Mode
from trading.ledger.tables import OffchainTrade, OnchainTrade, SymbolLock, TradeAccumulator, TradeExecutionLink
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.pnl.profits import Profits, rebuild
from trading.position.view import PositionView
from trading.values.symbols import Symbol
from trading.values.thresholds import ONE_SHARE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEGACY_PROJECTION", "HEDGE_THRESHOLD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEDGER", "legacy")


@pytest.fixture
def old(tmp_path):
    return Foreign(tmp_path / "old.sqlite3")


def bring(old, *options):
    return run("migrate_to_events", "--from", old.path, "--yes", *options)


def bring_refused(old, *options):
    return refused("migrate_to_events", "--from", old.path, "--yes", *options)


def booked(old, broker=None):
    with open_foreign(old.path) as file:
        return keep_books(read(file, broker=broker), ONE_SHARE)


def some_fills(old):
    """A hedged fill, and one that is open."""
    sold = old.trade("SELL", 1.5, n=1)
    order = old.order("BUY", 1, status="FILLED")
    if "trade_execution_links" in " ".join(old.shape.besides):
        old.link(sold, order, 1.0)
    old.trade("SELL", 0.25, "tAAPL", n=2)
    old.position(short=0.75)
    return order


# The vector of the older migration: 3 trades, 2 positions, 2 orders, 7 events at version 1. What is expected otherwise:
#   the positions count the order under way (TSLA, which was -5 with a BUY of 5 on its way, is -10), and it is pending;
#   the block comes from the queue (was 0), the time is the block's (was the migration's);
#   the symbol is the base one beside the token's (was the token's); the broker is the row's (was Schwab always);
#   the broker's id is taken from `order_id` (was "unknown"); a missing price is none (was 0).


def test_the_vector_of_the_older_migration(old):
    old.trade("BUY", 10.0, n=1)
    old.trade("SELL", 3.0, "TSLA0x", n=2)
    old.trade("SELL", 2.0, "tTSLA", n=3)
    for n in (1, 2, 3):
        old.queued(n, block=100 + n)
    old.order("SELL", 10, status="FILLED", broker="alpaca")
    old.order("BUY", 5, "TSLA", status="PENDING", broker="alpaca")
    old.position("AAPL", net_position=10.0, long=10.0, short=0.0)
    old.position("TSLA", net_position=-5.0, long=0.0, short=5.0)

    bring(old)

    events = list(StoredEvent.objects.order_by("number").values_list("type", "aggregate_id", "version"))
    assert events == [
        *(("OnChainTradeEvent::Migrated", f"{tx_hash(n)}:{n}", 1) for n in (1, 2, 3)),
        ("PositionEvent::Migrated", "AAPL", 1),
        ("PositionEvent::Migrated", "TSLA", 1),
        ("OffchainOrderEvent::Migrated", "1", 1),
        ("OffchainOrderEvent::Migrated", "2", 1),
    ]
    nets = {view.symbol: (view.net_position, view.pending_execution_id) for view in PositionView.objects.all()}
    assert nets == {"AAPL": (10, None), "TSLA": (-10, 2)}
    trade = OnChainTradeView.objects.get(pk=f"{tx_hash(3)}:3")
    assert (trade.base_symbol, trade.token_symbol, trade.block_number) == ("TSLA", "tTSLA", 103)
    assert trade.block_timestamp == datetime(2025, 10, 28, 20, 59, 3, tzinfo=UTC)
    filled, pending = OffchainOrderView.objects.order_by("pk")
    assert (filled.broker, filled.broker_order_id, filled.average_price_usd) == ("alpaca", "ORD123", Decimal("150.5"))
    assert (pending.detailed_status, pending.average_price_usd, pending.placed_at) == ("placed", None, None)
    assert list(compare(Mode.DUAL)) == []


def test_a_dry_run_leaves_the_file_and_the_database_as_they_are(old):
    some_fills(old)
    file, tables = Path(old.path).read_bytes(), agreement.dump(agreement.LEGACY_TABLES)

    printed = run("migrate_to_events", "--from", old.path, "--dry-run")

    assert "trades: 2 rows, 0 of them in the log, 2 to migrate" in printed
    assert "would import what is new in the file, and write a Migrated event for each row of it" in printed
    assert printed.endswith("dry run: nothing was written\n")
    assert Path(old.path).read_bytes() == file
    assert agreement.dump(agreement.LEGACY_TABLES) == tables
    assert not StoredEvent.objects.exists()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape(shape, tmp_path):
    old = Foreign(tmp_path / "old.sqlite3", shape)
    some_fills(old)
    file = Path(old.path).read_bytes()

    bring(old)

    assert Path(old.path).read_bytes() == file
    assert run("switch_ledger", "dual").endswith("is dual now: start conduct with LEDGER=dual\n")
    position = PositionView.objects.get()
    assert (position.net_position, position.onchain_sold, position.broker_bought) == (
        Decimal("-0.75"),
        Decimal("1.75"),
        1,
    )
    assert OffchainTrade.objects.get().broker == "schwab"
    open_shares = [Decimal("0.5"), Decimal("0.25")] if shape.besides else [Decimal("1.5"), Decimal("0.25")]
    assert list(OnchainTrade.objects.order_by("id").values_list("unlinked_shares", flat=True)) == open_shares


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("projection", ["on", "off"])
def test_in_every_mode_trading_goes_on_from_there(old, mode, projection, monkeypatch):
    monkeypatch.setenv("LEDGER", mode)
    monkeypatch.setenv("LEGACY_PROJECTION", projection)
    order = some_fills(old)
    Steps(mode, legacy_projection=projection == "on").fill("BUY", "1", "tMSFT")

    if mode is Mode.LEGACY:
        # Its own fill is migrated with the others.
        bring(old)
        run("switch_ledger", "dual")
        mode = Mode.DUAL
    else:
        bring(old)
    steps = Steps(mode, legacy_projection=projection == "on")
    steps.block = 200
    steps.fill("SELL", "1.25", "AAPLs1")
    placed = steps.hedge()

    assert placed == order + 1
    assert steps.position().open_net == 0
    assert list(compare(mode, legacy_projection=projection == "on")) == []


def test_an_order_under_way_is_pending_and_counts_when_it_is_filled(old):
    sold = old.trade("SELL", 1.5, n=1)
    order = old.order("BUY", 1, status="SUBMITTED", order_id="ORD7")
    old.link(sold, order, 1.0)
    # There, the position was reduced when the order was placed.
    old.position(short=0.5, pending_execution_id=order)

    printed = bring(old)

    assert (
        "position AAPL\taccumulated_short\t0.5\t1.5\torder 1 (BUY 1) is under way: it counts when it is filled"
        in printed
    )
    assert "note: order 1 (BUY AAPL, SUBMITTED) is open and has no client order id: it can't be asked for" in printed
    row = TradeAccumulator.objects.get()
    assert (row.net_position, row.pending_execution_id, row.pending_side, row.pending_shares) == (
        Decimal("-1.5"),
        order,
        "BUY",
        1,
    )
    assert OffchainOrderView.objects.get().placed_at == datetime(2025, 10, 28, 21, 10, tzinfo=UTC)
    assert SymbolLock.objects.get().symbol == "AAPL"
    _, error = refused("switch_ledger", "dual")
    assert "order 1 (BUY AAPL) is open and has no client order id, so it can't be asked for: end it first" in error


def test_a_failed_order_gives_its_shares_and_its_links_back(old):
    sold = old.trade("SELL", 1.5, n=1)
    order = old.order("BUY", 1, status="FAILED")
    old.link(sold, order, 1.0)
    old.position(short=0.5, net_position=0.0)

    corrections = booked(old).corrections
    bring(old)

    assert corrections == [
        Correction(f"link of order 1 to {tx_hash(1)}:1", "released_shares", "0", "1", "order 1 failed"),
        Correction(
            "position AAPL",
            "accumulated_short",
            "0.5",
            "1.5",
            "order 1 (BUY 1) failed: its shares were never given back",
        ),
        Correction("position AAPL", "net_position", "0", "-1.5", "the column was not kept up"),
    ]
    assert PositionView.objects.get().net_position == Decimal("-1.5")
    assert OnchainTrade.objects.get().unlinked_shares == Decimal("1.5")
    link = TradeExecutionLink.objects.get()
    assert (link.contributed_shares, link.released_shares) == (1, 1)


def test_sums_of_doubles_that_exceed_a_fill_are_cut_and_shown(old):
    sold = old.trade("SELL", 0.3, n=1)
    one, two = old.order("BUY", 1, status="FILLED"), old.order("BUY", 1, status="FILLED")
    old.link(sold, one, 0.1)
    old.link(sold, two, 0.1 + 0.1 + 1e-17 + 0.00000000000000006)
    old.position(short=0.3)

    (correction,) = [each for each in booked(old).corrections if each.subject.startswith("link")]
    bring(old)

    assert correction.column == "contributed_shares"
    assert Decimal(correction.before) > Decimal(correction.after) == Decimal("0.2")
    assert OnchainTrade.objects.get().unlinked_shares == 0


def test_a_net_that_its_fills_do_not_explain_is_noted_and_kept(old):
    old.trade("SELL", 0.1, n=1)
    old.trade("SELL", 0.2, n=2)
    old.position(short=0.1 + 0.2)

    printed = bring(old)

    assert (
        "note: position AAPL: its net is -0.30000000000000004, its fills and filled orders come to -0.3. "
        "`manage.py rebuild_legacy AAPL` shows what would make them alike" in printed
    )
    assert PositionView.objects.get().net_position == Decimal("-0.30000000000000004")
    assert "position AAPL\tnet_position\t-0.30000000000000004\t-0.3" in run("rebuild_legacy")


def test_where_the_chain_is_to_be_read_from_is_noted(old):
    some_fills(old)
    old.queued(1, block=101)
    old.queued(2, block=102)
    assert booked(old).notes == ["the newest log that was read there is in block 102: set DEPLOYMENT_BLOCK=102"]

    old.queued(3, block=103, processed=0)
    assert booked(old).notes == [
        (
            "1 queued logs were not processed there, the first in block 103: read the chain from there, "
            "with DEPLOYMENT_BLOCK=103"
        )
    ]


# Exactly


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.floats(min_value=1e-18, max_value=1e12, exclude_min=True),
            st.floats(min_value=1e-6, max_value=1e7),
            st.sampled_from(["BUY", "SELL"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_double_comes_in_as_the_shortest_decimal_that_reads_back_as_it(tmp_path_factory, fills):
    old = Foreign(tmp_path_factory.mktemp("drawn") / "old.sqlite3")
    for n, (amount, price, side) in enumerate(fills):
        old.trade(side, amount, n=n, price_usdc=price)

    found = booked(old)

    for (amount, price, side), trade in zip(fills, found.trades, strict=True):
        fill = trade.state.fill
        assert (float(fill.amount), float(fill.price_usdc), fill.side) == (amount, price, side)
        assert len(fill.amount.as_tuple().digits) <= 17


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (123456789.12345679, "123456789.12345679"),
        (5, "5"),
    ],
)
def test_what_is_kept_of_a_cell(old, cell, expected):
    old.trade("BUY", cell, n=1)

    assert booked(old).trades[0].state.fill.amount == Decimal(expected)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2025-10-28 21:00:00", datetime(2025, 10, 28, 21, tzinfo=UTC)),
        ("2025-10-28T21:00:00Z", datetime(2025, 10, 28, 21, tzinfo=UTC)),
        ("2025-10-28T23:00:00.250+02:00", datetime(2025, 10, 28, 21, 0, 0, 250_000, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_without_a_zone_is_in_utc(old, cell, expected):
    old.trade("BUY", 1.0, n=1, block_timestamp=cell)

    assert booked(old).trades[0].state.fill.block_timestamp == expected


def test_gas_and_the_oracles_price_come_along(old):
    pyth = {
        "pyth_price": 150.125,
        "pyth_confidence": 0.05,
        "pyth_exponent": -8,
        "pyth_publish_time": "2025-10-28T20:59:00Z",
    }
    old.trade("BUY", 1.0, n=1, gas_used=21_000, effective_gas_price=10**9, **pyth)
    old.position(long=1.0)

    bring(old)

    view = OnChainTradeView.objects.get()
    assert (view.gas_used, view.effective_gas_price) == (21_000, 10**9)
    assert (view.pyth_price, view.pyth_confidence, view.pyth_exponent) == (Decimal("150.125"), Decimal("0.05"), -8)
    assert view.pyth_publish_time == datetime(2025, 10, 28, 20, 59, tzinfo=UTC)


# What can't be understood


def two(old, order, n):
    """Two orders, both with the same status."""
    for _ in range(n):
        old.order(**order)


BAD = {
    "a negative amount": (lambda old: old.trade("BUY", -1.0, n=1), "amount\t-1.0\texpected a number above zero"),
    "no amount": (lambda old: old.trade("BUY", 0.0, n=1), "amount\t0.0\texpected a number above zero"),
    "an amount of words": (lambda old: old.trade("BUY", "many", n=1), "amount\tmany\texpected a number"),
    "an endless amount": (lambda old: old.trade("BUY", 9e999, n=1), "amount\tinf\texpected a finite number"),
    "bytes": (lambda old: old.trade("BUY", b"\xff", n=1), "amount\tb'\\xff'\texpected a number"),
    "a price of zero": (
        lambda old: old.trade("BUY", 1.0, n=1, price_usdc=0.0),
        "price_usdc\t0.0\texpected a number above",
    ),
    "another side": (lambda old: old.trade("HOLD", 1.0, n=1), "direction\tHOLD\texpected one of BUY, SELL"),
    "no tokenised equity": (
        lambda old: old.trade("BUY", 1.0, "WETH", n=1),
        "symbol\tWETH\texpected a tokenised equity",
    ),
    "half of an oracle's price": (
        lambda old: old.trade("BUY", 1.0, n=1, pyth_price=1.0),
        "pyth_price\t1.0\texpected all of pyth_price, pyth_confidence, pyth_exponent, pyth_publish_time, or none",
    ),
    "negative gas": (
        lambda old: old.trade("BUY", 1.0, n=1, gas_used=-1),
        "gas_used\t-1\texpected a whole number from 0",
    ),
    "a time of words": (
        lambda old: old.trade("BUY", 1.0, n=1, created_at="noon"),
        "created_at\tnoon\texpected a time as 2025-10-28 21:00:00",
    ),
    "the same log twice": (
        lambda old: (
            old.trade("BUY", 1.0, n=10),
            old.trade("BUY", 1.0, n=10, tx_hash=tx_hash(10).upper().replace("X", "x")),
        ),
        "expected one row of log 10, found two",
    ),
    "a negative price": (
        lambda old: old.order("BUY", 1, status="FILLED", price_cents=-1),
        "price_cents\t-1\texpected zero or more",
    ),
    "no shares": (lambda old: old.order("BUY", 0, status="FAILED"), "shares\t0\texpected a number above zero"),
    "another status": (
        lambda old: old.order("BUY", 1, status="DONE"),
        "status\tDONE\texpected one of PENDING, SUBMITTED",
    ),
    "another broker": (
        lambda old: old.order("BUY", 1, status="FAILED", broker="etrade"),
        "broker\tetrade\texpected one of schwab, alpaca, dry_run",
    ),
    "a filled order without the broker's id": (
        lambda old: old.order("BUY", 1, status="FILLED", order_id=None),
        "order_id\tnothing\texpected the broker's id of an order that is FILLED",
    ),
    "two ids of the broker's": (
        lambda old: old.order("BUY", 1, status="FILLED", broker_order_id="OTHER"),
        "order_id\tORD123\texpected one id of the broker's, found OTHER and ORD123",
    ),
    "an end of an open order": (
        lambda old: old.order("BUY", 1, status="PENDING", executed_at="2025-10-28 21:00:00"),
        "expected no time of an end for an order that is PENDING",
    ),
    "a failed order without an end": (
        lambda old: old.order("BUY", 1, status="FAILED", executed_at=None),
        "executed_at\tnothing\texpected the time of its end for an order that is FAILED",
    ),
    "two open orders": (
        lambda old: two(old, {"side": "BUY", "shares": 1, "status": "PENDING"}, 2),
        "status\tPENDING\texpected one open order of AAPL, 1 is",
    ),
    "a negative remainder": (
        lambda old: old.position("MSFT", long=-0.5),
        "accumulated_long\t-0.5\texpected zero or more",
    ),
    "a symbol with spaces": (lambda old: old.position("A B"), "symbol\tA B\texpected a stock symbol"),
    "an amount that nothing has": (
        lambda old: old.trade("BUY", 1e-200, n=1),
        "amount\t1e-200\texpected a finite number of at most 50 places",
    ),
    "a time before all times": (
        lambda old: old.trade("BUY", 1.0, n=1, block_timestamp="0001-01-01T00:00:00+14:00"),
        "block_timestamp\t0001-01-01T00:00:00+14:00\texpected a time as",
    ),
    "an id that no database keeps": (
        lambda old: old.order("SELL", 1, status="FILLED", order_id="OR\0D"),
        "order_id\tOR\ufffdD\texpected a text of 1 to 128 characters",
    ),
    "a link to no trade": (
        lambda old: old.link(99, old.order("BUY", 1, status="FAILED"), 1.0),
        "trade_id\t99\texpected a trade that is taken over",
    ),
    "a link to no order": (
        lambda old: old.link(old.trade("SELL", 1.0, n=1), 99, 1.0),
        "execution_id\t99\texpected an order that is taken over",
    ),
    "a link to a trade of the other side": (
        lambda old: old.link(old.trade("BUY", 1.0, n=1), old.order("BUY", 1, status="FILLED"), 1.0),
        "trade_id\t1\texpected a SELL of AAPL, found a BUY of AAPL",
    ),
    "a link larger than its trade": (
        lambda old: old.link(old.trade("SELL", 0.5, n=1), old.order("BUY", 1, status="FILLED"), 1.0),
        "contributed_shares\t1.0\texpected at most the 0.5 shares that are open of its trade",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_understood_stops_the_import_or_is_left_out(old, spoil, said):
    old.position()
    spoil(old)

    _, error = bring_refused(old)

    assert said in error
    assert "rows can't be understood, and nothing was done" in error
    assert not OnchainTrade.objects.exists()
    assert not TradeAccumulator.objects.exists()
    assert said in bring(old, "--skip-bad")
    assert list(compare(Mode.DUAL)) == []


def test_a_symbol_without_a_position_is_missed(old):
    old.trade("BUY", 1.0, n=1)

    assert (
        "trade_accumulators\tAAPL\tsymbol\tnothing\texpected a row, since it has trades or orders"
        in bring_refused(old)[1]
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda old: old.execute("DROP TABLE onchain_trades"),
            "expected the tables onchain_trades, trade_accumulators and",
        ),
        (
            lambda old: old.execute("CREATE TABLE schwab_executions (id INTEGER)"),
            "found onchain_trades, trade_accumulators, offchain_trades, schwab_executions",
        ),
        (lambda old: old.execute("ALTER TABLE onchain_trades DROP COLUMN amount"), "it lacks amount"),
        (lambda old: Path(old.path).write_bytes(b"no database"), "can't be read as a SQLite database"),
        (lambda old: Path(old.path).unlink(), "expected a SQLite file, found none at"),
    ],
)
def test_a_file_of_another_shape_is_refused(old, spoil, said):
    spoil(old)

    assert said in bring_refused(old)[1]


def test_orders_that_name_no_broker_are_whose_the_table_or_the_operator_says(tmp_path):
    unnamed = Foreign(tmp_path / "unnamed.sqlite3")
    unnamed.execute("ALTER TABLE offchain_trades DROP COLUMN broker")
    some_fills(unnamed)
    assert "--broker NAME" in bring_refused(unnamed)[1]
    assert booked(unnamed, broker="dry_run").orders[0].state.broker == "dry_run"

    early = Foreign(tmp_path / "early.sqlite3", SHAPES["before brokers"])
    some_fills(early)
    assert booked(early).orders[0].state.broker == "schwab"
    assert booked(early, broker="dry_run").orders[0].state.broker == "dry_run"


# Again, and beside what is here


def test_a_second_time_there_is_nothing_to_do(old):
    some_fills(old)
    bring(old)
    before = agreement.dump([*agreement.LEGACY_TABLES, "events"])

    printed = bring(old)

    assert "2 trades (0 new), 1 orders (0 new), 1 positions (0 new), 1 links (0 new)" in printed
    assert "nothing to migrate" in printed
    assert agreement.dump([*agreement.LEGACY_TABLES, "events"]) == before


def test_what_was_written_before_a_failure_is_gone_on_from(old, monkeypatch):
    some_fills(old)
    with monkeypatch.context() as patched:
        patched.setattr("trading.position.view.PositionProjector.project", lambda self, batch: None)
        bring_refused(old)
    assert set(StoredEvent.objects.values_list("aggregate_type", flat=True)) == {"OnChainTrade"}

    bring(old)

    assert list(compare(Mode.DUAL)) == []
    assert run("switch_ledger", "dual")


def test_rows_that_are_others_here_are_refused(old):
    some_fills(old)
    bring(old)
    old.execute("UPDATE onchain_trades SET amount = 2.0 WHERE id = 1")
    old.execute("UPDATE offchain_trades SET shares = 2")

    _, error = bring_refused(old)

    assert f"onchain_trades\t{tx_hash(1)}:1\tamount\t1.5\texpected 2, as the file has it, found 1.5 here" in error
    assert "offchain_trades\t1\tshares\t1\texpected 2, as the file has it, found 1 here" in error


def test_a_symbol_that_is_traded_here_already_takes_no_trades_of_a_file(old, monkeypatch):
    monkeypatch.setenv("LEDGER", "dual")
    Steps(Mode.DUAL).fill("BUY", "1")
    some_fills(old)

    _, error = bring_refused(old)

    assert "trade_accumulators\tAAPL\tsymbol\t-0.75\tthe symbol has a position here" in error
    assert OnchainTrade.objects.count() == 1


def test_order_numbers_go_on_above_those_of_the_file(old):
    some_fills(old)
    old.order("BUY", 1, status="FAILED", id=41)
    Installation.objects.update(last_order_number=7)

    bring(old)

    assert Installation.objects.get().last_order_number == 41


def test_a_row_that_would_not_be_kept_as_it_was_read_takes_the_import_back(old, monkeypatch):
    some_fills(old)
    monkeypatch.setattr(
        "trading.cutover.importing.upsert_rows",
        lambda model, rows, key: factories.position(symbol="AAPL", net_position=Decimal(9)),
    )

    _, error = bring_refused(old)

    assert "position\tAAPL\tnet_position\t9\t-0.75" in error
    assert not OnchainTrade.objects.exists()


def test_the_ledger_reads_what_was_imported(old):
    some_fills(old)
    bring(old)

    (position,) = Ledger(Mode.LEGACY).memory().positions()

    assert (position.net, position.threshold) == (Decimal("-0.75"), ONE_SHARE)


def test_profits_are_computed_of_what_was_imported(old):
    some_fills(old)
    bring(old)
    ledger = Ledger(Mode.LEGACY)
    while Profits(ledger=ledger).run_once(now=factories.NOON):
        continue

    counted = ProfitRow.objects.count() + ExcludedFill.objects.count()
    assert counted == 3
    assert rebuild(ledger, Symbol("AAPL"), now=factories.NOON, change=False) == []


def test_the_help_says_what_is_read(capsys):
    with pytest.raises(SystemExit):
        call_command("migrate_to_events", "--help")

    assert "it is not written to" in " ".join(capsys.readouterr().out.split())
