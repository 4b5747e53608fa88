"""Rows of the views as a long life of trading would leave them, made by SQL inside the database.

A hundred symbols, two fills to a transaction, a row of each kind every seven seconds; nearly all orders have ended well
at one broker, one position in a hundred is not flat.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection

START = datetime(2024, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=7)
SYMBOLS, FILLS_A_TRANSACTION, FILLS_A_BLOCK = 100, 2, 4
OTHER_BROKER_EVERY, REJECTED_EVERY, NOT_FLAT_EVERY, REORGED_EVERY = 50, 100, 100, 1_000
OPEN_ORDERS = 20

# What each database says in words of its own: a hash of a number, a time so many seconds after the start, a truth.
WORDS = {
    "postgresql": {
        "numbers": "generate_series(0, %s - 1) AS numbers (n)",
        "with": "",
        "hash": "'0x' || lpad(to_hex({0}), 64, '0')",
        "time": f"timestamptz '{START.isoformat()}' + ({{0}}) * interval '1 second'",
    },
    "sqlite": {
        "numbers": "numbers",
        "with": "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s - 1) ",
        "hash": "printf('0x%%064x', {0})",
        "time": f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', {int(START.timestamp())} + ({{0}}), 'unixepoch')",
    },
}


def at(number: int) -> datetime:
    """When the row of this number was made."""
    return START + number * APART


def fill(rows: int) -> None:
    """Fill each view with so many rows."""
    words = WORDS[connection.vendor]
    hashed, time = words["hash"].format, words["time"].format
    made, symbol = time(f"n * {APART.seconds}"), f"'S' || (n %% {SYMBOLS})"
    transaction = hashed(f"n / {FILLS_A_TRANSACTION}")
    trade = f"{transaction} || ':' || (n %% {FILLS_A_TRANSACTION})"
    ended = f"n < {rows - OPEN_ORDERS}"
    false = "false" if connection.vendor == "postgresql" else "0"
    insert(
        "onchain_trade_view",
        rows,
        id=trade,
        tx_hash=transaction,
        log_index=f"n %% {FILLS_A_TRANSACTION}",
        symbol=symbol,
        token_symbol=f"'t' || {symbol}",
        direction="CASE WHEN n %% 2 = 0 THEN 'BUY' ELSE 'SELL' END",
        amount="'1.374123456789012345'",
        price_usdc="'187.250000000000000001'",
        usdc_amount="'257.304617'",
        amount_raw="'1374123456789012345'",
        usdc_raw="'257304617'",
        block_number=f"n / {FILLS_A_BLOCK}",
        block_hash=hashed(f"n / {FILLS_A_BLOCK}"),
        block_timestamp=made,
        gas_used="184211",
        effective_gas_price="5211432",
        unlinked_shares="'0'",
        migrated=false,
        reorged_at=f"CASE WHEN n %% {REORGED_EVERY} = 0 THEN {made} END",
        stream_version="2",
        recorded_at=made,
    )
    insert(
        "offchain_order_view",
        rows,
        execution_id="n",
        symbol=symbol,
        shares="'3'",
        direction="CASE WHEN n %% 2 = 0 THEN 'BUY' ELSE 'SELL' END",
        broker=f"CASE WHEN n %% {OTHER_BROKER_EVERY} = 0 THEN 'schwab' ELSE 'alpaca' END",
        broker_order_id="'B-' || n",
        client_order_id="'ht-x-' || n || '-1'",
        attempt="1",
        status=f"CASE WHEN NOT {ended} THEN 'Submitted' WHEN n %% {REJECTED_EVERY} = 1 THEN 'Failed' ELSE 'Filled' END",
        detailed_status=f"CASE WHEN NOT {ended} THEN 'submitted' WHEN n %% {REJECTED_EVERY} = 1 THEN 'rejected'"
        " ELSE 'filled' END",
        accepted_shares="'3'",
        filled_shares=f"CASE WHEN {ended} AND n %% {REJECTED_EVERY} <> 1 THEN {number('3')} ELSE {number('0')} END",
        average_price_usd="'187.31'",
        price_cents="18731",
        initiated_at=made,
        submitted_at=time(f"n * {APART.seconds} + 1"),
        completed_at=f"CASE WHEN {ended} THEN {time(f'n * {APART.seconds} + 3')} END",
        unallocated_shares="'0'",
        stream_version="3",
    )
    insert(
        "position_view",
        rows,
        symbol="'S' || n",
        **dict.fromkeys(
            ("accumulated_long", "accumulated_short", "onchain_bought", "onchain_sold", "broker_bought", "broker_sold"),
            "'12.5'",
        ),
        net_position=f"CASE WHEN n %% {NOT_FLAT_EVERY} = 0 THEN {number('1.25')} ELSE {number('0')} END",
        adjusted_shares="'0'",
        threshold="'1 share'",
        pending_execution_id=f"CASE WHEN n %% {10 * NOT_FLAT_EVERY} = 0 THEN n END",
        stream_version="7",
        last_updated=made,
    )
    insert(
        "trade_link_view",
        rows,
        id="n + 1",
        trade_id=trade,
        execution_id="n",
        contributed_shares="'1.374123456789012345'",
        released_shares="'0'",
        reorged=false,
        created_at=made,
    )
    if connection.vendor == "postgresql":  # As its autovacuum does; nothing does so on SQLite.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def insert(table: str, rows: int, **columns: str) -> None:
    """Insert so many rows, whose columns are expressions over the number n, from 0."""
    words = WORDS[connection.vendor]
    selected = ", ".join(columns.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"{words['with']}INSERT INTO {table} ({', '.join(columns)}) SELECT {selected} FROM {words['numbers']}",  # noqa: S608
            [rows],
        )


def number(text: str) -> str:
    """Write an exact number: text on SQLite."""
    return text if connection.vendor == "postgresql" else f"'{text}'"
