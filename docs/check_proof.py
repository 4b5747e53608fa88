"""Checks what `manage.py prove_event` printed against an exported seal: python check_proof.py PROOF.json SEAL.json

Needs nothing but Python and the two files. How the hashes are made is written in docs/integrity.md.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

EVENT = ["number", "aggregate_type", "aggregate_id", "version", "type", "schema", "data", "metadata", "recorded_at"]
LEAF = ["number", "aggregate_type", "aggregate_id", "version", "hash"]
SEAL = ["number", "after_number", "up_to_number", "events", "numbers", "marks", "root", "previous", "sealed_at"]


def texts(*values):
    return b"".join(b"%d:%b" % (len(text), text) for text in (str(value).encode() for value in values))


def hexed(data):
    return sha256(data).hexdigest()


def trouble(proof, seal):
    event = proof["event"]
    if seal["hash"] != hexed(b"\x02" + texts(*(seal[name] for name in SEAL))):
        return "the seal's hash does not fit what the seal says"
    if not seal["after_number"] < event["number"] <= seal["up_to_number"]:
        return f"event {event['number']} is not in the range of seal {seal['number']}"
    if event["hash"] != hexed(texts(proof["previous_hash"], *(event[name] for name in EVENT))):
        return "the event's hash does not fit what the event says"
    found = sha256(b"\x00" + texts(*(event[name] for name in LEAF))).digest()
    for side, beside in proof["path"]:
        other = bytes.fromhex(beside)
        found = sha256(b"\x01" + (other + found if side == "left" else found + other)).digest()
    return None if found.hex() == seal["root"] else "the event is not under the seal's root"


if __name__ == "__main__":
    proof, seal = (json.loads(Path(name).read_text("utf-8")) for name in sys.argv[1:3])
    event = proof["event"]
    if wrong := trouble(proof, seal):
        sys.exit(f"NOT PROVED: {wrong}")
    print(
        f"event {event['number']} ({event['type']}, {event['aggregate_type']}-{event['aggregate_id']},"
        f" version {event['version']}) is under seal {seal['number']} of {seal['sealed_at']}"
    )
