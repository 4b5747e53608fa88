"""Guards: the database itself refuses to change or take out a call or a payload.

Two changes are let through, each once a row: a call without an end gets one, and a payload loses its body with the time
at which it was purged. The one way round is eventstore.maintenance, as for events.
"""

from eventstore.guards import OPEN, Guards

REFUSED = "calls and payloads are never changed or taken out: open eventstore.maintenance, which leaves a record"

PAYLOAD_KEPT = (
    *("id", "type", "source", "captured_at", "headers", "encoding"),
    *("size_bytes", "secrets", "truncated", "sha256"),
)
CALL_KEPT = (
    *("id", "run_id", "reference", "purpose", "source", "method", "endpoint"),
    *("sent_at", "request_payload_id"),
)

_PURGED = "OLD.purged_at IS NULL AND NEW.purged_at IS NOT NULL AND NEW.body IS NULL"
_ENDED = "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL"


def _sqlite(table: str, allowed: str, kept: tuple[str, ...]) -> dict[str, str]:
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in kept)
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    return {
        f"{table}_refuse_update": f"BEFORE UPDATE ON {table} WHEN NOT {OPEN} AND NOT ({allowed} AND {same}) {refuse}",
        f"{table}_refuse_delete": f"BEFORE DELETE ON {table} WHEN NOT {OPEN} {refuse}",
    }


def _postgresql(table: str) -> dict[str, str]:
    return {
        f"{table}_refuse_change": (
            f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse_change()"
        ),
        f"{table}_refuse_truncate": (
            f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse_change()"
        ),
    }


def _function(table: str, allowed: str, kept: tuple[str, ...]) -> dict[str, str]:
    new, old = (", ".join(f"{row}.{column}" for column in kept) for row in ("NEW", "OLD"))
    return {
        f"{table}_refuse_change": f"""
CREATE OR REPLACE FUNCTION {table}_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF {allowed} AND ({new}) IS NOT DISTINCT FROM ({old}) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NOT {OPEN} THEN
        RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'UPDATE' THEN NEW ELSE OLD END;
END $$"""
    }


GUARDS = Guards(
    sqlite=_sqlite("api_payloads", _PURGED, PAYLOAD_KEPT) | _sqlite("api_call_logs", _ENDED, CALL_KEPT),
    postgresql=_postgresql("api_payloads") | _postgresql("api_call_logs"),
    functions=_function("api_payloads", _PURGED, PAYLOAD_KEPT) | _function("api_call_logs", _ENDED, CALL_KEPT),
)
