"""Read models: indexes for the questions that the views are asked, SQL views for dashboards, and table samples.

The SQL views let a query of the older tables go on with another table's name, on both databases alike; docs/read_models.md
tells which. What they show is what the views keep: numbers are never made floats, and stay text on SQLite. Whoever
changes a table below one of them drops the SQL views first and creates them again after.
"""

import re
from decimal import Decimal

from django.db import migrations, models

ONCHAIN_TRADES = """
CREATE VIEW onchain_trades_from_events AS SELECT
    id, tx_hash, log_index, token_symbol AS symbol, symbol AS base_symbol, amount, direction, price_usdc, usdc_amount,
    amount_raw, usdc_raw, block_number, block_hash, block_timestamp, gas_used, effective_gas_price, pyth_price,
    pyth_confidence, pyth_exponent, pyth_publish_time, pyth_feed_id, migrated, reorged_at, unlinked_shares,
    stream_version, recorded_at AS created_at
FROM onchain_trade_view
"""

OFFCHAIN_TRADES = """
CREATE VIEW offchain_trades_from_events AS SELECT
    execution_id AS id, symbol, shares, direction, broker, broker_order_id, broker_order_id AS order_id,
    client_order_id, attempt, price_cents, upper(status) AS status, detailed_status, accepted_shares, filled_shares,
    average_price_usd, reason, initiated_at AS placed_at, sending_at, submitted_at, completed_at AS executed_at,
    unallocated_shares, unallocated_cause, stream_version
FROM offchain_order_view
"""

UNIFIED_TRADES = """
CREATE VIEW unified_trade_view AS
SELECT
    recorded_at AS created_at, block_timestamp AS traded_at, 'ONCHAIN' AS trade_type, 'raindex' AS venue, symbol,
    direction, amount AS quantity, price_usdc AS price, id AS trade_id, tx_hash, log_index, {no_number} AS execution_id,
    {no_text} AS broker_order_id
FROM onchain_trade_view WHERE reorged_at IS NULL
UNION ALL
SELECT
    coalesce(completed_at, submitted_at, initiated_at), coalesce(completed_at, submitted_at, initiated_at), 'OFFCHAIN',
    broker, symbol, direction, filled_shares, average_price_usd, CAST(execution_id AS text), NULL, NULL, execution_id,
    broker_order_id
FROM offchain_order_view WHERE filled_shares <> {zero}
"""

FILL_LAG = """
CREATE VIEW fill_lag_view AS SELECT
    id, symbol, block_number, block_timestamp, recorded_at, {recorded_at - block_timestamp} AS lag_seconds
FROM onchain_trade_view WHERE reorged_at IS NULL
"""

HEDGE_LATENCY = """
CREATE VIEW hedge_latency_view AS SELECT
    execution_id, symbol, broker, filled_at, recorded_at, placed_at, submitted_at, completed_at,
    {placed_at - filled_at} AS fill_to_placed_seconds,
    {placed_at - recorded_at} AS recorded_to_placed_seconds,
    {submitted_at - placed_at} AS placed_to_submitted_seconds,
    {completed_at - submitted_at} AS submitted_to_completed_seconds
FROM (
    SELECT
        o.execution_id, o.symbol, o.broker, o.initiated_at AS placed_at, o.submitted_at, o.completed_at,
        (
            SELECT max(t.block_timestamp) FROM trade_link_view AS l JOIN onchain_trade_view AS t ON t.id = l.trade_id
            WHERE l.execution_id = o.execution_id
        ) AS filled_at,
        (
            SELECT max(t.recorded_at) FROM trade_link_view AS l JOIN onchain_trade_view AS t ON t.id = l.trade_id
            WHERE l.execution_id = o.execution_id
        ) AS recorded_at
    FROM offchain_order_view AS o
) AS orders
"""

VIEWS = {
    "onchain_trades_from_events": ONCHAIN_TRADES,
    "offchain_trades_from_events": OFFCHAIN_TRADES,
    "unified_trade_view": UNIFIED_TRADES,
    "fill_lag_view": FILL_LAG,
    "hedge_latency_view": HEDGE_LATENCY,
}

# What each database says in words of its own.
WORDS = {
    "postgresql": {"no_number": "NULL::bigint", "no_text": "NULL::text", "zero": "0"},
    "sqlite": {"no_number": "NULL", "no_text": "NULL", "zero": "'0'"},
}
SECONDS = {
    "postgresql": "round(extract(epoch FROM {0} - {1}), 3)",
    "sqlite": "round((julianday({0}) - julianday({1})) * 86400.0, 3)",
}


def in_words_of(vendor, view):
    def said(found):
        later, minus, earlier = found[1].partition(" - ")
        return SECONDS[vendor].format(later, earlier) if minus else WORDS[vendor][found[1]]

    return re.sub(r"\{([^}]+)\}", said, view)


def create_views(apps, schema_editor):
    for view in VIEWS.values():
        schema_editor.execute(in_words_of(schema_editor.connection.vendor, view), params=None)


def drop_views(apps, schema_editor):
    for name in VIEWS:
        schema_editor.execute(f"DROP VIEW {name}", params=None)


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="TableSample",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("table", models.CharField(db_column="table_name", max_length=63)),
                ("rows", models.BigIntegerField(help_text="estimated", null=True)),
                ("bytes", models.BigIntegerField(help_text="with its indexes", null=True)),
                ("sampled_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "table sample",
                "db_table": "table_samples",
            },
        ),
        migrations.RemoveIndex(
            model_name="offchainorderview",
            name="offchain_order_view_symbol",
        ),
        migrations.RemoveIndex(
            model_name="offchainorderview",
            name="offchain_order_view_broker",
        ),
        migrations.RemoveIndex(
            model_name="offchainorderview",
            name="offchain_order_view_state",
        ),
        migrations.RemoveIndex(
            model_name="positionview",
            name="position_view_net",
        ),
        migrations.AlterField(
            model_name="onchaintradeview",
            name="base_symbol",
            field=models.CharField(db_column="symbol", max_length=32),
        ),
        migrations.AddIndex(
            model_name="offchainorderview",
            index=models.Index(fields=["symbol", "execution_id"], name="offchain_order_view_symbol"),
        ),
        migrations.AddIndex(
            model_name="offchainorderview",
            index=models.Index(fields=["broker", "execution_id"], name="offchain_order_view_broker"),
        ),
        migrations.AddIndex(
            model_name="offchainorderview",
            index=models.Index(fields=["detailed_status", "execution_id"], name="offchain_order_view_state"),
        ),
        migrations.AddIndex(
            model_name="offchainorderview",
            index=models.Index(fields=["placed_at"], name="offchain_order_view_placed"),
        ),
        migrations.AddIndex(
            model_name="onchaintradeview",
            index=models.Index(fields=["base_symbol", "recorded_at"], name="onchain_trade_view_symbol"),
        ),
        migrations.AddIndex(
            model_name="positionview",
            index=models.Index(
                condition=models.Q(("net_position", Decimal("0")), _negated=True),
                fields=["symbol"],
                name="position_view_net",
            ),
        ),
        migrations.AddConstraint(
            model_name="tablesample",
            constraint=models.UniqueConstraint(fields=("sampled_at", "table"), name="table_samples_once"),
        ),
        migrations.RunPython(create_views, drop_views),
    ]
