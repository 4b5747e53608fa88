"""Rows of the audit trail as years of deciding would leave them, made by SQL inside the database.

Two thousand symbols and a decision every 63 seconds, each with a record, two runs and an execution, of which one in
twenty was rejected; five run records and one call to each decision. Of records there are half as many.
"""

from datetime import datetime, timedelta

from django.db import connection

from benchmarks.view_rows import START, WORDS, insert, number

APART = timedelta(seconds=63)
SYMBOLS, FAILED_EVERY, DECISIONS_A_RUN, RECORDS_A_RUN = 2_000, 20, 1_000, 5_000
PENDING = 500
"""The newest: of a day that nobody has executed yet."""

ACCOUNT = "PA1"

TABLES = (
    *("data_ingestion_runs", "data_ingestion_run_records", "source_records", "api_payloads", "api_call_logs"),
    *("trade_decisions", "trade_executions", "trade_decision_records", "trade_decision_runs"),
)


def at(number: int) -> datetime:
    """When the decision of this number was made."""
    return START + number * APART


def fill(decisions: int) -> None:
    """Fill every table of the audit trail, for so many decisions."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # Each row is one that its neighbours' keys fit to.
            cursor.execute("SET session_replication_role = replica")
    _ingested(decisions)
    _called(decisions)
    _decided(decisions)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
            for table in TABLES:
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")  # noqa: S608
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("ANALYZE")


def _ingested(decisions: int) -> None:
    made = _time(f"n * {APART.seconds * DECISIONS_A_RUN}")
    insert(
        "data_ingestion_runs",
        decisions // DECISIONS_A_RUN,
        id="n + 1",
        run_id=_uuid("n"),
        task_name="'congress'",
        data_source="'quiverquant_congress'",
        status="'completed'",
        started_at=made,
        completed_at=made,
        holder="'elsewhere'",
        alive_until=made,
        records_fetched=str(RECORDS_A_RUN),
        records_created=str(RECORDS_A_RUN),
        records_updated="0",
        records_skipped="0",
        records_parked="0",
    )
    known = _time(f"n * {2 * APART.seconds}")
    insert(
        "source_records",
        decisions // 2,
        id="n + 1",
        kind="'congress_trade'",
        key=_hash("n"),
        occurrence="1",
        version="1",
        content=_hash("n"),
        symbol=f"'S' || (n %% {SYMBOLS})",
        disclosed_on=_day(f"n * {2 * APART.seconds}"),
        known_at=known,
        row="""'{"Ticker":"AAPL","Transaction":"Purchase","Trade_Size_USD":"1001.0","Name":"Ada Example"}'""",
    )
    insert(
        "data_ingestion_run_records",
        5 * decisions,
        id="n + 1",
        run_id=f"n / {RECORDS_A_RUN} + 1",
        record_id=f"n %% {decisions // 2} + 1",
        operation="'skipped'",
    )


def _called(decisions: int) -> None:
    sent = _time(f"n / 2 * {APART.seconds}")
    insert(
        "api_payloads",
        2 * decisions,
        id="n + 1",
        type="CASE WHEN n %% 2 = 0 THEN 'request' ELSE 'response' END",
        source="'alpaca'",
        captured_at=sent,
        headers="""'[["Content-Type","application/json"]]'""",
        body="""'{"symbol":"AAPL","qty":"1.50","side":"buy","type":"market","time_in_force":"day"}'""",
        encoding="'text'",
        size_bytes="80",
        secrets="0",
        truncated=_truth(False),
        sha256=_hash("n"),
    )
    insert(
        "api_call_logs",
        decisions,
        id="n + 1",
        reference="'htd-x-' || n || '-1'",
        purpose="'submit'",
        source="'alpaca'",
        method="'POST'",
        endpoint="'https://paper-api.alpaca.markets/v2/orders'",
        sent_at=_time(f"n * {APART.seconds}"),
        ended_at=_time(f"n * {APART.seconds} + 1"),
        http_status_code=f"CASE WHEN n %% {FAILED_EVERY} = 0 THEN 403 ELSE 200 END",
        duration_ms="120",
        request_payload_id="2 * n + 1",
        response_payload_id="2 * n + 2",
    )


def _decided(decisions: int) -> None:
    made, failed = _time(f"n * {APART.seconds}"), f"n %% {FAILED_EVERY} = 0"
    pending = f"n >= {decisions - PENDING}"
    ended = f"CASE WHEN {pending} OR {failed} THEN NULL ELSE {_time(f'n * {APART.seconds} + 2')} END"
    insert(
        "trade_decisions",
        decisions,
        id="n + 1",
        decision_id=_uuid("n"),
        strategy_name="CASE WHEN n %% 3 = 0 THEN 'insider' ELSE 'congressional' END",
        strategy_version="'1.0.0'",
        broker="'alpaca'",
        account_number=f"'{ACCOUNT}'",
        trading_mode="'paper'",
        trading_day=_day(f"n * {APART.seconds}"),
        symbol=f"'S' || (n %% {SYMBOLS})",
        side="CASE WHEN n %% 4 = 0 THEN 'SELL' ELSE 'BUY' END",
        notional_usd=number("1357.45"),
        closes_position=_truth(False),
        may_short=_truth(False),
        reference_price_usd=number("271.49"),
        signal_strength=number("8.5"),
        strength_order="(n * 2039) %% 10000000",
        trigger_event="'congressional_buy'",
        decision_rationale="""'{"signal_strength":"8.5","confidence_score":"0.85","source_data":{"strategies":[]}}'""",
        known_at=made,
        decided_at=made,
        status=f"CASE WHEN {pending} THEN 'pending' WHEN {failed} THEN 'failed' ELSE 'executed' END",
        failure_kind=f"CASE WHEN {failed} AND NOT {pending} THEN 'insufficient_buying_power' END",
        reason=f"CASE WHEN {failed} AND NOT {pending} THEN 'Alpaca rejected htd-x-' || n || '-1: no buying power' END",
        failed_at=f"CASE WHEN {failed} AND NOT {pending} THEN {_time(f'n * {APART.seconds} + 2')} END",
        executed_at=ended,
        created_at=made,
        updated_at=made,
    )
    insert(
        "trade_executions",
        decisions - PENDING,
        id="n + 1",
        execution_id=_uuid("n"),
        trade_decision_id="n + 1",
        attempt_number="1",
        status=f"CASE WHEN {failed} THEN 'rejected' ELSE 'filled' END",
        client_order_id="'htd-x-' || n || '-1'",
        broker_order_id="'B-' || n",
        requested_shares=number("5"),
        notional_usd=number("1357.45"),
        placed_at=made,
        submitted_at=made,
        ended_at=made,
        filled_shares=f"CASE WHEN {failed} THEN {number('0')} ELSE {number('5')} END",
        average_price_usd=f"CASE WHEN {failed} THEN NULL ELSE {number('271.49')} END",
        request_payload_id="2 * n + 1",
        response_payload_id="2 * n + 2",
        tries="0",
        created_at=made,
        updated_at=made,
    )
    insert(
        "trade_decision_records",
        decisions,
        id="n + 1",
        trade_decision_id="n + 1",
        record_id="n / 2 + 1",
        role="'signal'",
    )
    newest = f"n / {2 * DECISIONS_A_RUN} + 1"
    insert(
        "trade_decision_runs",
        2 * decisions,
        id="n + 1",
        trade_decision_id="n / 2 + 1",
        # The first decisions look through the first run alone; they name the second besides.
        run_id=f"CASE WHEN n %% 2 = 0 THEN 1 WHEN {newest} = 1 THEN 2 ELSE {newest} END",
    )


def _time(seconds: str) -> str:
    return WORDS[connection.vendor]["time"].format(seconds)


def _day(seconds: str) -> str:
    return f"CAST({_time(seconds)} AS date)" if connection.vendor == "postgresql" else f"date({_time(seconds)})"


def _hash(of: str) -> str:
    return f"substr({WORDS[connection.vendor]['hash'].format(of)}, 3)"


def _uuid(of: str) -> str:
    if connection.vendor == "postgresql":
        return f"CAST(lpad(to_hex({of}), 32, '0') AS uuid)"
    return f"printf('%%032x', {of})"


def _truth(value: bool) -> str:
    return str(value).lower() if connection.vendor == "postgresql" else str(int(value))
