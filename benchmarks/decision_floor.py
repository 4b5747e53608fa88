"""Writers of the audit trail, and the floor of each: the same rows by hand-made SQL, in as many commits.

The floor checks nothing, redacts nothing, and knows what to write before its clock begins.
"""

import hashlib
import itertools
import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from audit_trail.decisions.drafts import Draft, TradedAccount
from audit_trail.decisions.rationale import rationale
from audit_trail.decisions.storing import store
from audit_trail.ingestion.batches import Batch, ReadRow, RecordKind
from audit_trail.ingestion.running import ingesting
from audit_trail.payloads.purging import purge
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from audit_trail.sources.quiver.congress.models import CongressTrade
from benchmarks.decision_rows import ACCOUNT, at
from trading.brokers.recording import Incoming, Outgoing, Reference
from trading.values.quantities import Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

KIND = RecordKind("congress_trade", CongressTrade)
RATIONALE = rationale(
    {
        "signal_strength": "8.5",
        "confidence_score": "0.85",
        "trigger_event": "congressional_buy",
        "source_data": {"politician_names": ["Ada Example", "Ben Sample"], "consensus_detected": True},
        "market_context": {"current_price": "271.49", "atr": "5.1", "volume_20d_avg": "1000000"},
        "portfolio_context": {"portfolio_value": "100000", "buying_power": "50000", "existing_position": "0"},
    }
)
SENT = b'{"symbol":"AAPL","notional":"1357.45","side":"buy","type":"market","time_in_force":"day"}'
CAME = b'{"id":"61e69015-8549-4bfd-b9c3-01e75843f47d","status":"accepted","symbol":"AAPL","filled_qty":"0"}'
HEADERS = (("Content-Type", "application/json"), ("APCA-API-KEY-ID", "PK0123456789ABCDEF"))


class Writers:
    """Each writes one thing, and has a floor that writes the same."""

    def __init__(self, decisions: int) -> None:
        self._now, self._decisions = datetime.now(UTC), decisions
        self._recorder = PayloadRecorder(Redaction(["a-secret-of-the-environment"]))
        self._numbers = itertools.count(1)

    # A decision with its lineage.

    def decision(self, number: int) -> None:
        draft = Draft(
            strategy="portfolio",
            strategy_version="1.0.0",
            symbol=Symbol(f"N{next(self._numbers)}"),
            side=Side.BUY,
            notional_usd=Usd(Decimal("1357.45")),
            reference_price_usd=Usd(Decimal("271.49")),
            known_at=self._now,
            records=tuple(range(5 * number + 1, 5 * number + 6)),
            runs=(1, 2),
            rationale=RATIONALE,
        )
        account = TradedAccount("alpaca", ACCOUNT, True)
        store([draft], account=account, trading_day=self._now.date(), decided_at=self._now)

    def decision_floor(self, number: int) -> None:
        now = self._now
        row = {
            "decision_id": self._uuid(),
            "strategy_name": "floor",
            "strategy_version": "1.0.0",
            "broker": "alpaca",
            "account_number": ACCOUNT,
            "trading_mode": "paper",
            "trading_day": now.date(),
            "symbol": f"N{next(self._numbers)}",
            "side": "BUY",
            "notional_usd": "1357.45",
            "closes_position": False,
            "may_short": False,
            "reference_price_usd": "271.49",
            "signal_strength": "8.5",
            "strength_order": 8_500_000,
            "trigger_event": "congressional_buy",
            "decision_rationale": RATIONALE.as_text(),
            "known_at": now,
            "decided_at": now,
            "status": "pending",
            "created_at": now,
            "updated_at": now,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            key = self._insert(cursor, "trade_decisions", row)
            for record in range(5 * number + 1, 5 * number + 6):
                link = {"trade_decision_id": key, "record_id": record, "role": "signal"}
                self._insert(cursor, "trade_decision_records", link)
            for run in (1, 2):
                self._insert(cursor, "trade_decision_runs", {"trade_decision_id": key, "run_id": run})

    # A call about an order, with its answer: two commits.

    def call(self, number: int) -> None:
        url = "https://paper-api.alpaca.markets/v2/orders"
        reference = Reference(order=f"htd-n-{number}-1", purpose="submit")
        record = self._recorder.sending(
            Outgoing(
                source="alpaca", method="POST", url=url, headers=HEADERS, body=SENT, reference=reference, at=self._now
            )
        )
        self._recorder.received(
            record, Incoming(status=200, headers=(HEADERS[0],), body=CAME, at=self._now, duration_ms=40)
        )

    def call_floor(self, number: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            request = self._insert(cursor, "api_payloads", self._payload("request", SENT))
            call = {
                "reference": f"htd-f-{number}-1",
                "purpose": "submit",
                "source": "alpaca",
                "method": "POST",
                "endpoint": "https://paper-api.alpaca.markets/v2/orders",
                "sent_at": self._now,
                "request_payload_id": request,
            }
            key = self._insert(cursor, "api_call_logs", call)
        with transaction.atomic(), connection.cursor() as cursor:
            response = self._insert(cursor, "api_payloads", self._payload("response", CAME))
            cursor.execute(
                "UPDATE api_call_logs SET ended_at = %s, duration_ms = 40, http_status_code = 200,"
                " response_payload_id = %s WHERE id = %s",
                [self._now, response, key],
            )

    def _payload(self, kind: str, body: bytes) -> dict[str, Any]:
        return {
            "type": kind,
            "source": "alpaca",
            "captured_at": self._now,
            "headers": json.dumps(HEADERS),
            "body": body.decode(),
            "encoding": "text",
            "size_bytes": len(body),
            "secrets": 0,
            "truncated": False,
            "sha256": hashlib.sha256(body).hexdigest(),
        }

    # A run: two commits.

    def run(self, number: int) -> None:
        with ingesting(f"benchmark-{number}", "benchmark"):
            pass

    def run_floor(self, number: int) -> None:
        now = self._now
        row = {
            "run_id": self._uuid(),
            "task_name": f"floor-{number}",
            "data_source": "floor",
            "status": "running",
            "started_at": now,
            "holder": "elsewhere",
            "alive_until": now,
            **dict.fromkeys((f"records_{what}" for what in ("fetched", "created", "updated", "skipped", "parked")), 0),
        }
        with transaction.atomic(), connection.cursor() as cursor:
            key = self._insert(cursor, "data_ingestion_runs", row)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE data_ingestion_runs SET status = 'completed', completed_at = %s WHERE id = %s", [now, key]
            )

    def run_of(self, count: int) -> None:
        """A run that keeps so many new records."""
        rows = [self._read(number) for number in range(count)]
        with ingesting("benchmark", "benchmark") as run:
            run.keep(Batch(kind=KIND, read=rows))

    def _read(self, number: int) -> ReadRow:
        return ReadRow(
            key=("benchmark", str(number)),
            symbol="AAPL",
            disclosed_on=self._now.date(),
            columns={
                "politician": "Ada Example",
                "bioguide_id": "E000001",
                "chamber": "house",
                "transaction": "purchase",
                "transaction_told": "Purchase",
                "traded_on": self._now.date(),
                "amount_low_usd": Decimal(1001),
            },
            row=json.dumps({"Ticker": "AAPL", "number": number}),
        )

    # A purge.

    def purge(self, count: int) -> int:
        """Take out the bodies of so many old payloads, and return how many there were."""
        return purge(before=at(count // 2), at=self._now)

    def _uuid(self) -> Any:
        made = uuid.uuid4()
        return made if connection.vendor == "postgresql" else made.hex

    def _insert(self, cursor: Any, table: str, row: dict[str, Any]) -> int:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))}) RETURNING id",  # noqa: S608
            list(row.values()),
        )
        return int(cursor.fetchone()[0])
