"""Foreign files: databases of an older installation, in the shapes that its tables have had."""

import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

from tests.support.factories import tx_hash

TRADES = """CREATE TABLE onchain_trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    tx_hash TEXT NOT NULL CHECK (length(tx_hash) = 66 AND tx_hash LIKE '0x%'),
    log_index INTEGER NOT NULL CHECK (log_index >= 0),
    symbol TEXT NOT NULL CHECK (symbol != ''),
    amount REAL NOT NULL,
    direction TEXT NOT NULL,
    price_usdc REAL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    block_timestamp TIMESTAMP,
    gas_used INTEGER,
    effective_gas_price INTEGER,
    pyth_price REAL,
    pyth_confidence REAL,
    pyth_exponent INTEGER,
    pyth_publish_time TIMESTAMP,
    UNIQUE (tx_hash, log_index)
)"""

ORDERS = """CREATE TABLE offchain_trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    symbol TEXT NOT NULL,
    shares INTEGER NOT NULL,
    direction TEXT NOT NULL,
    broker TEXT NOT NULL DEFAULT 'schwab',
    broker_order_id TEXT,
    order_id TEXT,
    price_cents INTEGER,
    status TEXT NOT NULL DEFAULT 'PENDING',
    executed_at TIMESTAMP
)"""

# Before there were brokers. Of later versions, shares are REAL.
SCHWAB_ORDERS = """CREATE TABLE schwab_executions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    symbol TEXT NOT NULL,
    shares INTEGER NOT NULL,
    direction TEXT NOT NULL,
    order_id TEXT,
    price_cents INTEGER,
    status TEXT NOT NULL DEFAULT 'PENDING',
    executed_at TIMESTAMP
)"""
REAL_ORDERS = ORDERS.replace("shares INTEGER", "shares REAL")

POSITIONS = """CREATE TABLE trade_accumulators (
    symbol TEXT PRIMARY KEY NOT NULL,
    accumulated_long REAL NOT NULL DEFAULT 0.0,
    accumulated_short REAL NOT NULL DEFAULT 0.0,
    pending_execution_id INTEGER,
    last_updated TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)"""
POSITIONS_WITH_NET = POSITIONS.replace(
    "accumulated_long", "net_position REAL NOT NULL DEFAULT 0.0, accumulated_long", 1
)

LINKS = """CREATE TABLE trade_execution_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    trade_id INTEGER NOT NULL,
    execution_id INTEGER NOT NULL,
    contributed_shares REAL NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (trade_id, execution_id)
)"""

QUEUE = """CREATE TABLE event_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tx_hash TEXT NOT NULL,
    log_index INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    event_data TEXT NOT NULL,
    processed BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    processed_at TIMESTAMP,
    block_timestamp TIMESTAMP,
    UNIQUE (tx_hash, log_index)
)"""

LOCKS = "CREATE TABLE symbol_locks (symbol TEXT PRIMARY KEY NOT NULL, locked_at TIMESTAMP NOT NULL)"


class Shape(NamedTuple):
    """Which tables a file has, and how."""

    orders: str
    positions: str
    besides: tuple[str, ...]

    @property
    def orders_table(self) -> str:
        return "schwab_executions" if self.orders == SCHWAB_ORDERS else "offchain_trades"


SHAPES = {
    "October 2025": Shape(ORDERS, POSITIONS_WITH_NET, (LINKS, QUEUE, LOCKS)),
    "before brokers": Shape(SCHWAB_ORDERS, POSITIONS, (LINKS, QUEUE)),
    "before brokers, with a net": Shape(SCHWAB_ORDERS, POSITIONS_WITH_NET, (LINKS,)),
    "January 2026": Shape(REAL_ORDERS, POSITIONS, (LINKS, QUEUE, LOCKS)),
    "nothing but the books": Shape(ORDERS, POSITIONS, ()),
}
OCTOBER = SHAPES["October 2025"]


class Foreign:
    """A file of one shape, filled row by row."""

    def __init__(self, path: Any, shape: Shape = OCTOBER) -> None:
        self.path, self.shape = str(path), shape
        for ddl in (TRADES, shape.orders, shape.positions, *shape.besides):
            self.execute(ddl)

    def execute(self, sql: str, *values: Any) -> int:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(sql, values).lastrowid or 0

    def insert(self, table: str, **cells: Any) -> int:
        marks = ", ".join("?" * len(cells))
        return self.execute(f"INSERT INTO {table} ({', '.join(cells)}) VALUES ({marks})", *cells.values())  # noqa: S608

    def trade(self, side: str, amount: Any, symbol: str = "AAPL0x", *, n: int, **cells: Any) -> int:
        """A fill, the nth log of the chain."""
        facts = {
            "tx_hash": tx_hash(n),
            "log_index": n,
            "symbol": symbol,
            "amount": amount,
            "direction": side,
            "price_usdc": 150.25,
            "created_at": f"2025-10-28 21:00:{n:02}",
            "block_timestamp": f"2025-10-28 20:59:{n:02}",
        }
        return self.insert("onchain_trades", **facts | cells)

    def order(self, side: str, shares: Any, symbol: str = "AAPL", *, status: str, **cells: Any) -> int:
        ended = status in ("FILLED", "FAILED")
        facts = {
            "symbol": symbol,
            "shares": shares,
            "direction": side,
            "status": status,
            "order_id": "ORD123" if status in ("SUBMITTED", "FILLED") else None,
            "price_cents": 15050 if status == "FILLED" else None,
            "executed_at": "2025-10-28 21:30:00" if ended else None,
        }
        return self.insert(self.shape.orders_table, **facts | cells)

    def position(self, symbol: str = "AAPL", *, long: Any = 0.0, short: Any = 0.0, **cells: Any) -> None:
        facts = {
            "symbol": symbol,
            "accumulated_long": long,
            "accumulated_short": short,
            "last_updated": "2025-10-28 21:30:00",
        }
        self.insert("trade_accumulators", **facts | cells)

    def link(self, trade: int, order: int, shares: Any, **cells: Any) -> None:
        facts = {
            "trade_id": trade,
            "execution_id": order,
            "contributed_shares": shares,
            "created_at": "2025-10-28 21:10:00",
        }
        self.insert("trade_execution_links", **facts | cells)

    def queued(self, n: int, *, block: int, **cells: Any) -> None:
        facts = {
            "tx_hash": tx_hash(n),
            "log_index": n,
            "block_number": block,
            "event_data": '{"ClearV2":{}}',
            "processed": 1,
            "block_timestamp": f"2025-10-28T20:59:{n:02}+00:00",
        }
        self.insert("event_queue", **facts | cells)
