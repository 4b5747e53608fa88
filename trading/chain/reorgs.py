"""Reorgs: whether the blocks we have read are still the chain's. Asking and comparing only; nothing is undone here."""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from trading.chain.node import Node


class KnownBlock(msgspec.Struct, frozen=True):
    """A block we have read: one with our logs, or a checkpoint."""

    number: int
    hash: str


def look_again(node: Node, known: Sequence[KnownBlock], *, thorough: bool = False) -> list[int]:
    """The known blocks that the node has under another hash, newest first: suspects, to be confirmed.

    A reorg replaces all blocks from some block on, so the newest block that agrees ends the search. That holds as
    long as every range was scanned with its `parent_hash`; `thorough` looks at every known block, as a last look before
    blocks are forgotten. A block that the node does not have says nothing: the node is behind.
    """
    suspects = []
    head = node.head()
    for each in _newest_first(known):
        if each.number > head:
            continue
        differs = _differs(node, each)
        if differs:
            suspects.append(each.number)
        elif differs is False and not thorough:
            break
    return suspects


def confirm(node: Node, known: Sequence[KnownBlock], suspects: Collection[int]) -> list[int]:
    """The suspects that differ when asked about a second time, newest first: these are reorged."""
    head = node.head()
    return [
        each.number
        for each in _newest_first(known)
        if each.number in suspects and each.number <= head and _differs(node, each)
    ]


def reread_from(known: Iterable[KnownBlock], reorged: Collection[int]) -> int | None:
    """The first block to be read again: right after the newest known block below the lowest reorged one.

    Not the lowest reorged block itself: between the two lie blocks that had no logs of ours, and may have some now.
    None where no known block is older: the reorg goes deeper than our memory, and an operator has to say from where.
    """
    if not reorged:
        raise ValueError("expected at least one reorged block")
    lowest = min(reorged)
    older = [each.number for each in known if each.number < lowest]
    return max(older) + 1 if older else None


def _newest_first(known: Iterable[KnownBlock]) -> list[KnownBlock]:
    return sorted(known, key=lambda each: each.number, reverse=True)


def _differs(node: Node, known: KnownBlock) -> bool | None:
    """None where the node does not have the block."""
    block = node.block(known.number)
    return None if block is None else block.hash != known.hash.lower()
