"""Merkle trees: one hash over many leaves, and the short proof that a leaf is among them. Built as RFC 6962 does.

A leaf is the SHA-256 of a zero byte and its text. A tree of one leaf is that leaf; a tree of more is the SHA-256 of a
one byte, the root of its left part and the root of its right part, where the left part has as many leaves as the
greatest power of two that is smaller than the whole. The two bytes keep a leaf from ever being taken for a tree.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple


class Step(NamedTuple):
    """A step of a proof from a leaf up to the root: what stands beside it there, and on which side."""

    side: str
    hash: str


def leaf(text: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + text).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of one leaf or more."""
    level = list(leaves)
    while len(level) > 1:
        # Pair by pair from the left; what is left over goes up alone. That is the same tree.
        above = [_inner(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = above + level[len(above) * 2 :]
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[Step]:
    """Return the proof of one leaf, from the leaf up."""
    if len(leaves) == 1:
        return []
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < left:
        return [*path(leaves[:left], index), Step("right", root(leaves[left:]).hex())]
    return [*path(leaves[left:], index - left), Step("left", root(leaves[:left]).hex())]


def root_by(leaf_hash: bytes, steps: Sequence[Step]) -> bytes:
    """Return the root that a proof leads to from a leaf."""
    for side, beside in steps:
        other = bytes.fromhex(beside)
        leaf_hash = _inner(other, leaf_hash) if side == "left" else _inner(leaf_hash, other)
    return leaf_hash


def _inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
