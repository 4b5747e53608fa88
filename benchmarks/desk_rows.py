"""Rows of the hedge as a long life of trading would leave them up to this moment, made by SQL on PostgreSQL.

A hundred symbols; every seven seconds a fill, the order that hedged it, its link, its profit, its check and its log,
and ten events to each. The newest orders are under way, and some symbols are past their thresholds.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection

from benchmarks.view_rows import insert

APART_SECONDS = 7
SYMBOLS, REJECTED_EVERY, REORGED_EVERY, FILLS_A_BLOCK = 100, 100, 1_000, 4
OPEN_ORDERS, EXPOSED = 20, 10
EVENTS_OF_A_FILL = 10
DENIED_EVERY, NOTICE_EVERY = 50, 100
STATIONS = ("watcher", "processor", "enricher", "refresher", "hedger", "dispatcher", "poller", "exposure_watch")

TABLES = (
    *("onchain_trades", "trade_execution_links", "metrics_pnl", "event_queue"),
    *("risk_denials", "notices", "chain_blocks", "station_heartbeats", "chain_checkpoints"),
)


def fill(fills: int) -> None:
    """Fill the tables that the desk, the admin and the API read, for so many fills and orders."""
    with connection.cursor() as cursor:  # Each row is one that its neighbours' keys fit to.
        cursor.execute("SET session_replication_role = replica")
    _traded(fills)
    _kept(fills)
    _standing()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        for table in TABLES:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
                if table not in ("station_heartbeats", "chain_checkpoints")
                else "SELECT 1"
            )
        cursor.execute("SELECT setval('events_number_seq', max(number)) FROM events")
        cursor.execute("VACUUM ANALYZE")


def _traded(fills: int) -> None:
    at, symbol = _at(fills, "n"), f"'S' || (n %% {SYMBOLS})"
    side = "CASE WHEN n %% 2 = 0 THEN 'BUY' ELSE 'SELL' END"
    ended, rejected = f"n < {fills - OPEN_ORDERS}", f"n %% {REJECTED_EVERY} = 1"
    insert(
        "onchain_trades",
        fills,
        id="n + 1",
        tx_hash=_hash("n"),
        log_index="7",
        symbol=f"'t' || {symbol}",
        base_symbol=symbol,
        direction=side,
        amount="1.374123456789012345",
        price_usdc="187.25",
        usdc_amount="257.304617",
        amount_raw="'1374123456789012345'",
        usdc_raw="'257304617'",
        pyth_price="187.2 + (n %% 7) * 0.01",
        pyth_confidence="0.05",
        pyth_exponent="-8",
        pyth_publish_time=at,
        block_number=f"n / {FILLS_A_BLOCK}",
        block_hash=_hash(f"n / {FILLS_A_BLOCK}"),
        block_timestamp=at,
        gas_used="184211",
        effective_gas_price="5211432",
        unlinked_shares=f"CASE WHEN n >= {fills - EXPOSED} THEN 0.374 ELSE 0 END",
        migrated="false",
        reorged_at=f"CASE WHEN n %% {REORGED_EVERY} = 0 THEN {at} END",
        stream_version="2",
        created_at=f"{at} + interval '1 second'",
    )
    insert(
        "offchain_trades",
        fills,
        id="n",
        symbol=symbol,
        shares="3",
        direction=side,
        broker="CASE WHEN n %% 50 = 0 THEN 'schwab' ELSE 'alpaca' END",
        broker_order_id="'B-' || n",
        order_id="'B-' || n",
        client_order_id="'ht-x-' || n || '-1'",
        attempt="1",
        status=f"CASE WHEN NOT {ended} THEN 'SUBMITTED' WHEN {rejected} THEN 'FAILED' ELSE 'FILLED' END",
        detailed_status=f"CASE WHEN NOT {ended} THEN 'submitted' WHEN {rejected} THEN 'rejected' ELSE 'filled' END",
        accepted_shares="3",
        filled_shares=f"CASE WHEN {ended} AND NOT {rejected} THEN 3 ELSE 0 END",
        average_price_usd="187.31",
        price_cents="18731",
        placed_at=f"{at} + interval '2 seconds'",
        submitted_at=f"{at} + interval '3 seconds'",
        executed_at=f"CASE WHEN {ended} THEN {at} + interval '4 seconds' END",
        unallocated_shares="0",
        stream_version="4",
    )
    insert(
        "trade_execution_links",
        fills,
        id="n + 1",
        trade_id="n + 1",
        execution_id="n",
        contributed_shares="1.374123456789012345",
        released_shares="0",
        reorged="false",
        created_at=f"{at} + interval '2 seconds'",
    )
    insert(
        "trade_accumulators",
        SYMBOLS,
        symbol="'S' || n",
        **dict.fromkeys(
            ("accumulated_short", "onchain_bought", "onchain_sold", "broker_bought", "broker_sold", "adjusted_shares"),
            "0",
        ),
        accumulated_long=f"CASE WHEN n < {EXPOSED} THEN 1.25 ELSE 0.4 END",
        net_position=f"CASE WHEN n < {EXPOSED} THEN 1.25 ELSE 0.4 END",
        threshold="'1 share'",
        last_price_usdc="187.25",
        last_price_at="now()",
        last_price_block="1",
        last_price_log_index="7",
        stream_version="7",
        last_updated="now()",
    )
    insert("exposures", EXPOSED, symbol="'S' || n", since_at="now() - n * interval '1 second'")


def _kept(fills: int) -> None:
    at, symbol = _at(fills, "n"), f"'S' || (n %% {SYMBOLS})"
    k, of = f"(n %% {EVENTS_OF_A_FILL})", f"(n / {EVENTS_OF_A_FILL})"
    insert(
        "events",
        fills * EVENTS_OF_A_FILL,
        number="n + 1",
        aggregate_type=f"CASE WHEN {k} < 2 THEN 'OnChainTrade' WHEN {k} < 6 THEN 'OffchainOrder' ELSE 'Position' END",
        aggregate_id=f"CASE WHEN {k} < 2 THEN {_hash(of)} || ':7' WHEN {k} < 6 THEN {of}::text"
        f" ELSE 'S' || ({of} %% {SYMBOLS}) END",
        version=f"CASE WHEN {k} < 2 THEN {k} + 1 WHEN {k} < 6 THEN {k} - 1 ELSE ({of} / {SYMBOLS}) * 4 + {k} - 5 END",
        type=f"CASE WHEN {k} < 2 THEN 'OnChainTradeEvent::Filled' WHEN {k} < 6 THEN 'OffchainOrderEvent::Placed'"
        " ELSE 'PositionEvent::OnChainOrderFilled' END",
        schema="1",
        data="""'{"symbol":"S1","side":"BUY","amount":"1.374123456789012345","price_usdc":"187.25"}'""",
        metadata="""'{"correlation":"c","causation":"c","actor":"processor"}'""",
        recorded_at=_at(fills, of),
        hash="lpad(to_hex(n), 64, '0')",
    )
    insert(
        "metrics_pnl",
        fills,
        id="n + 1",
        symbol=symbol,
        timestamp=at,
        trade_type="'OFFCHAIN'",
        trade_id="n::text",
        venue="'alpaca'",
        trade_direction="CASE WHEN n %% 2 = 0 THEN 'BUY' ELSE 'SELL' END",
        quantity="3",
        amount_usd="561.93",
        price_per_share="187.31",
        realized_pnl="0.01",
        cumulative_pnl=f"0.01 * (n / {SYMBOLS})",
        net_position_after="0.4",
        rank="1",
        major="n",
        minor="0",
        lots="""'{"side":"BUY","lots":[{"shares":"0.4","usd":"74.92"}]}'""",
    )
    insert(
        "event_queue",
        fills,
        id="n + 1",
        tx_hash=_hash("n"),
        log_index="7",
        block_number=f"n / {FILLS_A_BLOCK}",
        block_hash=_hash(f"n / {FILLS_A_BLOCK}"),
        block_timestamp=at,
        event_data="""'{"TakeOrderV3":{"address":"0xab","topic":"0xcd","data":"0x"}}'""",
        processed="true",
        created_at=at,
        processed_at=f"{at} + interval '1 second'",
        outcome="'fill'",
        tries="0",
    )
    insert(
        "risk_checks",
        fills,
        client_order_id="'ht-x-' || n || '-1'",
        order_id="n",
        broker="'alpaca'",
        strategy="'hedge'",
        symbol=symbol,
        side="'BUY'",
        asked_shares="3",
        allowed_shares="3",
        price_usd="187.31",
        notional_usd="561.93",
        figures="'{}'",
        checked_at=f"{at} + interval '2 seconds'",
    )
    insert(
        "risk_denials",
        fills // DENIED_EVERY,
        id="n + 1",
        broker="'alpaca'",
        strategy="'hedge'",
        symbol=symbol,
        rule="'buying_power'",
        side="'BUY'",
        shares="3",
        text="'3 shares cost more than there is'",
        figures="'{}'",
        times="4",
        first_at=_at(fills, f"n * {DENIED_EVERY}"),
        last_at=_at(fills, f"n * {DENIED_EVERY}"),
        not_before=_at(fills, f"n * {DENIED_EVERY}"),
        ended_at=_at(fills, f"n * {DENIED_EVERY}"),
    )
    insert(
        "notices",
        fills // NOTICE_EVERY,
        id="n + 1",
        kind="'order_unknown'",
        subject="'order ' || n",
        text="'what became of it is not known'",
        times="1",
        opened_at=_at(fills, f"n * {NOTICE_EVERY}"),
        last_met_at=_at(fills, f"n * {NOTICE_EVERY}"),
        closed_at=_at(fills, f"n * {NOTICE_EVERY}"),
    )


def _standing() -> None:
    from django.utils import timezone

    from tests.support import factories as make

    now = timezone.now()
    make.checkpoint(updated_at=now, next_block=250_000)
    make.block(timestamp=now)
    for station in STATIONS:
        make.heartbeat(station=station, last_turn_at=now)


def _at(fills: int, number: str) -> str:
    """When the fill of a number was made: the last one just now."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=APART_SECONDS * fills)
    return f"(timestamptz '{start.isoformat()}' + ({number}) * interval '{APART_SECONDS} seconds')"


def _hash(of: str) -> str:
    return f"'0x' || lpad(to_hex({of}), 64, '0')"
