"""Logs: what a node says a contract emitted, read strictly once."""

import re
from collections.abc import Mapping
from typing import Any, Self

import msgspec

_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_QUANTITY = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,15})")

MOST_TOPICS = 4
# Quantities of a log go into 64-bit columns.
HIGHEST_QUANTITY = 2**63 - 1
# The last second of the year 9998: times are reckoned with, and none of ours ends after the year 9999.
LATEST_TIME = 253_370_764_799


class MalformedLog(ValueError):
    """The node's answer is no log of a mined block. Ask again, or ask another node; the log was not read."""


class UnusableLog(ValueError):
    """The log itself can't become a fill, and reading it again won't help: park it with this reason."""


class Log(msgspec.Struct, frozen=True):
    """A log of a mined block. Addresses and hashes are in lower case, as `0x…`."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int
    tx_index: int | None = None
    block_timestamp: int | None = None
    removed: bool = False

    @property
    def topic0(self) -> str:
        """The event's topic, or nothing for an anonymous event."""
        return self.topics[0] if self.topics else ""

    @classmethod
    def from_rpc(cls, answer: Mapping[str, Any]) -> Self:
        """Read a log of `eth_getLogs` or of a receipt. Raises MalformedLog, which names the field."""
        if not isinstance(answer, Mapping):
            raise MalformedLog(f"expected a log as an object, was {_shown(answer)}")
        return cls(
            address=_matching(_ADDRESS, "an address of 20 bytes", answer, "address"),
            topics=_topics(answer),
            data=_data(answer),
            block_number=_quantity(answer, "blockNumber"),
            block_hash=_matching(_HASH, "a hash of 32 bytes", answer, "blockHash"),
            tx_hash=_matching(_HASH, "a hash of 32 bytes", answer, "transactionHash"),
            log_index=_quantity(answer, "logIndex"),
            tx_index=_quantity_or_none(answer, "transactionIndex"),
            block_timestamp=_time_or_none(answer, "blockTimestamp"),
            removed=_removed(answer),
        )


def _matching(pattern: re.Pattern[str], expected: str, answer: Mapping[str, Any], field: str) -> str:
    found = answer.get(field)
    if isinstance(found, str) and pattern.fullmatch(lowered := found.lower()):
        return lowered
    raise _malformed(field, expected, found)


def _topics(answer: Mapping[str, Any]) -> tuple[str, ...]:
    found = answer.get("topics")
    if not isinstance(found, list | tuple) or len(found) > MOST_TOPICS:
        raise _malformed("topics", f"a list of at most {MOST_TOPICS} topics", found)
    topics = []
    for topic in found:
        if not isinstance(topic, str) or not _HASH.fullmatch(lowered := topic.lower()):
            raise _malformed("topics", "topics of 32 bytes each", topic)
        topics.append(lowered)
    return tuple(topics)


def _data(answer: Mapping[str, Any]) -> bytes:
    found = answer.get("data")
    if isinstance(found, str) and found.startswith("0x"):
        try:
            data = bytes.fromhex(found[2:])
        except ValueError:
            pass
        else:
            # `fromhex` skips spaces; the length shows them.
            if 2 + 2 * len(data) == len(found):
                return data
    raise _malformed("data", "bytes as 0x and pairs of hex digits", found)


def _quantity(answer: Mapping[str, Any], field: str) -> int:
    found = answer.get(field)
    if isinstance(found, str) and _QUANTITY.fullmatch(found.lower()):
        number = int(found, 16)
        if number <= HIGHEST_QUANTITY:
            return number
    raise _malformed(field, "a quantity as 0x and hex digits without leading zeros, below 2^63", found)


def _quantity_or_none(answer: Mapping[str, Any], field: str) -> int | None:
    return None if answer.get(field) is None else _quantity(answer, field)


def _time_or_none(answer: Mapping[str, Any], field: str) -> int | None:
    seconds = _quantity_or_none(answer, field)
    if seconds is not None and seconds > LATEST_TIME:
        raise _malformed(field, "seconds since 1970 that come before the year 9999", answer.get(field))
    return seconds


def _removed(answer: Mapping[str, Any]) -> bool:
    found = answer.get("removed", False)
    if not isinstance(found, bool):
        raise _malformed("removed", "true or false", found)
    return found


def _malformed(field: str, expected: str, found: object) -> MalformedLog:
    return MalformedLog(f"expected {field} of a log as {expected}, was {_shown(found)}")


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 200 else f"{text[:200]}…"
