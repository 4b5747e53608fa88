"""Queued form: how a log stands in the inbox, as JSON tagged with its event's name.

The log is kept as the chain had it, with the AfterClear that the node listed beside a clear: decoding it again must
give the same on any later day.
"""

import msgspec

from trading.chain.logs import Log, UnusableLog
from trading.chain.topics import EVENT_NAMES
from trading.conductor.inbox import AnyLog


class UnreadableRow(UnusableLog):
    """The row does not hold a log as the watcher writes it."""


class _After(msgspec.Struct, frozen=True):
    log_index: int
    topic: str
    data: str


class _Body(msgspec.Struct, frozen=True):
    address: str
    topic: str
    data: str
    after_clear: _After | None = None


_decoder = msgspec.json.Decoder(dict[str, _Body])


def event_data(log: Log, after_clear: Log | None) -> str:
    """Write a log for the inbox."""
    after = None
    if after_clear is not None:
        after = _After(after_clear.log_index, after_clear.topic0, "0x" + after_clear.data.hex())
    body = _Body(log.address, log.topic0, "0x" + log.data.hex(), after)
    return msgspec.json.encode({EVENT_NAMES[log.topic0]: body}).decode()


def log_of(row: AnyLog) -> tuple[Log, Log | None]:
    """Read a log, and its AfterClear if it is known, from its row. Raises UnreadableRow."""
    body = _body_of(row)
    log = Log(
        address=body.address,
        topics=(body.topic,),
        data=_bytes_of(body.data),
        block_number=row.block_number,
        block_hash=row.block_hash or "",
        tx_hash=row.tx_hash,
        log_index=row.log_index,
        block_timestamp=None if row.block_timestamp is None else int(row.block_timestamp.timestamp()),
    )
    if body.after_clear is None:
        return log, None
    after = body.after_clear
    return log, msgspec.structs.replace(
        log, topics=(after.topic,), data=_bytes_of(after.data), log_index=after.log_index
    )


def _body_of(row: AnyLog) -> _Body:
    try:
        tagged = _decoder.decode(row.event_data)
    except msgspec.MsgspecError as error:
        raise UnreadableRow(
            f"expected a log as JSON tagged with its event, was {row.event_data[:120]!r}: {error}"
        ) from error
    if len(tagged) != 1:
        raise UnreadableRow(f"expected one event, was {len(tagged)}: {row.event_data[:120]!r}")
    ((name, body),) = tagged.items()
    if EVENT_NAMES.get(body.topic) != name:
        raise UnreadableRow(f"expected the topic of {name}, was {body.topic[:80]!r}")
    if row.block_hash is None or row.block_timestamp is None:
        raise UnreadableRow("expected the block's hash and time beside the log, found none")
    return body


def _bytes_of(text: str) -> bytes:
    try:
        if text.startswith("0x"):
            return bytes.fromhex(text[2:])
    except ValueError:
        pass
    raise UnreadableRow(f"expected bytes as 0x and hex digits, was {text[:80]!r}")
