"""The functions through which PostgreSQL appends in one round trip, and tells up to where the log is settled.

The number from which a transaction's own numbers begin is named by a shared lock before the first is drawn, so that a
reader knows up to where all are told: see settled_number. One lock a transaction is enough, and many would fill the
server's lock table; the setting that remembers it ends with the transaction, or the savepoint, as the lock does.

What PL/pgSQL can work out by itself is assigned. A SELECT or a PERFORM would start the executor, which costs more than
the hash does; so one event has a function of its own, which takes no arrays apart.
"""

# Advisory locks are named by 64 bits: the upper 16 are ours ("ht"), the lower 48 a number of the log.
LOCKS = 0x6874 << 48

# A session plans a function's statements once, and keeps the plans. Where the table was empty then, and the server knew
# it, the plan would read the whole table for each append, for as long as the session lasts.
_BY_INDEX = "SET enable_seqscan = off"

_NAMED_BY_A_LOCK = f"""
    IF coalesce(current_setting('eventstore.appending', true), '') = '' THEN
        named := pg_advisory_xact_lock_shared(
            {LOCKS}::bigint + coalesce(pg_sequence_last_value('events_number_seq'::regclass), 0)
        ) IS NULL;
        appending := set_config('eventstore.appending', 'yes', true);
    END IF;"""


def _hash_of(*texts: str) -> str:
    """The expression for a hash of texts, as eventstore.hashing has it."""
    with_lengths = ", ".join(f"octet_length({text}), ':', {text}" for text in texts)
    return f"encode(sha256(convert_to(concat({with_lengths}), 'UTF8')), 'hex')"


_HASH_OF_ONE = _hash_of(
    "prior",
    "drawn::text",
    "stream_type",
    "stream_id",
    "(expected + 1)::text",
    "event_type",
    "shape::text",
    "body",
    "cause",
    "recorded",
)
_HASH_OF_EACH = _hash_of(
    "prior",
    "drawn::text",
    "kind",
    "name",
    "versions[place]::text",
    "types[place]",
    "schemas[place]::text",
    "datas[place]",
    "metadatas[place]",
    "recorded",
)

APPENDING = {
    # Answers with the number and the hash; where the stream stands elsewhere, with a minus and the version it has.
    "append_event": f"""
CREATE OR REPLACE FUNCTION append_event(
    stream_type text, stream_id text, expected bigint,
    event_type text, shape integer, body text, cause text, recorded text
) RETURNS text LANGUAGE plpgsql {_BY_INDEX} AS $$
DECLARE
    stands bigint;
    prior text;
    named boolean;
    appending text;
    drawn bigint;
    chained text;
BEGIN
    SELECT version, hash INTO stands, prior FROM events
        WHERE aggregate_type = stream_type AND aggregate_id = stream_id
        ORDER BY version DESC LIMIT 1;
    IF coalesce(stands, 0) <> expected THEN
        RETURN '-' || coalesce(stands, 0);
    END IF;
    prior := coalesce(prior, '');{_NAMED_BY_A_LOCK}
    drawn := nextval('events_number_seq');
    chained := {_HASH_OF_ONE};
    INSERT INTO events (number, aggregate_type, aggregate_id, version, type, schema, data, metadata, recorded_at, hash)
        VALUES (drawn, stream_type, stream_id, expected + 1, event_type, shape, body, cause, recorded::timestamptz,
            chained);
    RETURN drawn || ' ' || chained;
END $$""",  # noqa: S608  # texts of ours
    # Answers with a row for each event; where a stream stands elsewhere, with minus its place among the streams and the
    # version it stands at.
    "append_events": f"""
CREATE OR REPLACE FUNCTION append_events(
    stream_types text[], stream_ids text[], expected bigint[],
    streams integer[], versions bigint[], types text[], schemas integer[], datas text[], metadatas text[],
    recorded text
) RETURNS TABLE (place integer, at_number bigint, event_hash text) LANGUAGE plpgsql {_BY_INDEX} AS $$
DECLARE
    hashes text[];
    numbers bigint[];
    chained text[];
    stream integer;
    stands record;
    named boolean;
    appending text;
    prior text;
    drawn bigint;
    kind text;
    name text;
BEGIN
    FOR stream IN 1 .. array_length(stream_ids, 1) LOOP
        SELECT version, hash INTO stands FROM events
            WHERE aggregate_type = stream_types[stream] AND aggregate_id = stream_ids[stream]
            ORDER BY version DESC LIMIT 1;
        IF coalesce(stands.version, 0) <> expected[stream] THEN
            RETURN QUERY SELECT -stream, coalesce(stands.version, 0), NULL::text;
            RETURN;
        END IF;
        hashes[stream] := coalesce(stands.hash, '');
    END LOOP;{_NAMED_BY_A_LOCK}
    FOR place IN 1 .. array_length(versions, 1) LOOP
        stream := streams[place];
        kind := stream_types[stream];
        name := stream_ids[stream];
        prior := hashes[stream];
        drawn := nextval('events_number_seq');
        prior := {_HASH_OF_EACH};
        hashes[stream] := prior;
        numbers[place] := drawn;
        chained[place] := prior;
    END LOOP;
    INSERT INTO events (number, aggregate_type, aggregate_id, version, type, schema, data, metadata, recorded_at, hash)
        SELECT e.number, stream_types[e.stream], stream_ids[e.stream], e.version, e.type, e.schema, e.data, e.metadata,
            recorded::timestamptz, e.hash
        FROM unnest(numbers, streams, versions, types, schemas, datas, metadatas, chained)
            AS e (number, stream, version, type, schema, data, metadata, hash);
    RETURN QUERY SELECT e.place::integer, e.number, e.hash
        FROM unnest(numbers, chained) WITH ORDINALITY AS e (number, hash, place);
END $$""",  # noqa: S608  # texts of ours
    # Read in this order: a number that is drawn after the first line is above what that line says; one drawn before
    # belongs to a transaction whose lock the second line sees, or which is over, or which is the reader's own and so
    # seen by it. Transactions that append nothing, here or in another database, hold nobody up. Under a snapshot that
    # is older than this answer, what it promises would not be seen.
    "settled_number": f"""
CREATE OR REPLACE FUNCTION settled_number() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint;
    held bigint;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the log is followed in READ COMMITTED: an older snapshot does not show what is settled by now';
    END IF;
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END INTO drawn FROM events_number_seq;
    SELECT min(((classid::bigint << 32) | objid::bigint) - {LOCKS}::bigint) INTO held FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid <> pg_backend_pid()
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((classid::bigint << 32) | objid::bigint) BETWEEN {LOCKS}::bigint AND {LOCKS + (1 << 48) - 1}::bigint;
    RETURN least(drawn, held);
END $$""",  # noqa: S608  # texts of ours
}
