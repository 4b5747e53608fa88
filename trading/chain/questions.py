"""Questions: what a node is asked, checked before it is. One that makes no sense is an error of ours."""

import re
from collections.abc import Sequence

HASH = re.compile(r"0x[0-9a-f]{64}")
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
BYTES = re.compile(r"0x(?:[0-9a-f]{2})*")


def log_filter(address: str | None, topics: Sequence[str] | None) -> dict[str, object]:
    question: dict[str, object] = {}
    if address is not None:
        question["address"] = checked(ADDRESS, address, "an address")
    if topics is not None:
        # An empty list would match every log, or none, as the node pleases.
        if not topics:
            raise ValueError("expected at least one topic, or None for logs of any")
        question["topics"] = [[checked(HASH, topic, "a topic") for topic in topics]]
    return question


def block_word(which: int | str) -> str:
    if isinstance(which, int):
        return hex(which)
    if which not in ("latest", "safe", "finalized", "earliest", "pending"):
        raise ValueError(f"expected a block's number or tag, was {which!r}")
    return which


def checked(pattern: re.Pattern[str], text: str, expected: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text.lower()):
        raise ValueError(f"expected {expected} in hex digits, was {text!r}")
    return text.lower()
