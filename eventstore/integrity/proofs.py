"""Proofs: that one event is under a seal, for somebody who has the exported seal and nothing else of ours."""

from typing import Any

import msgspec

from eventstore.following import rows_between
from eventstore.integrity import merkle
from eventstore.integrity.chains import before_in_stream, exact
from eventstore.integrity.sealing import seal_over
from eventstore.integrity.seals import Seal, leaf


class NotProvable(Exception):
    """There is no proof: the event is not there, not sealed yet, or not as it was sealed."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored, and the way from it to the root of its seal. docs/check_proof.py checks it."""

    event: dict[str, Any]
    previous_hash: str
    """The hash of the event before it in its stream, which its own hash covers."""
    path: list[merkle.Step]
    seal: Seal


def prove(number: int) -> Proof:
    """Prove an event. Raises NotProvable and ArchiveUnreadable."""
    found = rows_between(number - 1, number, limit=2)
    if len(found) != 1:
        raise NotProvable(f"expected one event with number {number}, found {len(found) or 'none'}")
    seal = seal_over(number)
    if seal is None:
        raise NotProvable(f"event {number} is not sealed yet: run seal_log, or wait for the sealer")
    rows = rows_between(seal.after_number, seal.up_to_number, limit=seal.events + 1)
    leaves = [leaf(row) for row in rows]
    if merkle.root(leaves).hex() != seal.root:
        raise NotProvable(f"the events of seal {seal.number} are not as they were sealed: run verify_log")
    (row,) = found
    before = before_in_stream(row)
    return Proof(
        event=exact(row)._asdict(),
        previous_hash=before.hash if before else "",
        path=[merkle.Step(*step) for step in merkle.path(leaves, rows.index(row))],
        seal=seal,
    )
