"""Plans: how the database would go about a query."""

import json

from django.db import connection


def whole_table_reads(rows):
    """Say where the database would read a whole table for these rows, or a whole index that leaves nothing out."""
    model = rows.model
    sql, params = rows.query.sql_with_params()
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            (plan,) = cursor.fetchone()
            plan = json.loads(plan) if isinstance(plan, str) else plan
            return [
                f"{node['Node Type']} on {table}"
                for node in _nodes(plan[0]["Plan"])
                if node.get("Relation Name") == table and node["Node Type"] == "Seq Scan"
            ]
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        details = [row[3] for row in cursor.fetchall()]
    partial = {index.name for index in model._meta.indexes if index.condition is not None}
    return [
        detail
        for detail in details
        if detail.startswith(f"SCAN {table}") and not any(detail.endswith(f"INDEX {name}") for name in partial)
    ]


def indexes_read(rows):
    """Name the indexes through which the database would find these rows."""
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            (plan,) = cursor.fetchone()
            plan = json.loads(plan) if isinstance(plan, str) else plan
            return [node["Index Name"] for node in _nodes(plan[0]["Plan"]) if "Index Name" in node]
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return [row[3].split(" INDEX ")[1].split()[0] for row in cursor.fetchall() if " INDEX " in row[3]]


def _nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
