"""Proofs: that an event is under a seal, checked by the script that a stranger would run."""

import json
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from eventstore.integrity.chains import exact
from eventstore.integrity.exports import file_of
from eventstore.reading import stored_rows
from eventstore.store import append
from tests.architecture.source import PROJECT
from tests.eventstore.integrity.logs import change, exported, log_of_three_seals, number_of, rechain, take_out
from tests.eventstore.samples import AT, deposits

pytestmark = pytest.mark.django_db

SCRIPT = PROJECT / "docs" / "check_proof.py"


@pytest.fixture
def proof_of(capsys):
    def proof_of(number):
        capsys.readouterr()
        call_command("prove_event", str(number))
        return json.loads(capsys.readouterr().out)

    return proof_of


@pytest.fixture
def check(tmp_path):
    def check(proof, seal):
        path = tmp_path / "proof.json"
        path.write_text(json.dumps(proof))
        # Isolated: it may use nothing of the project, nor of what is installed.
        command = [sys.executable, "-I", "-S", str(SCRIPT), str(path), str(seal)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.returncode, (done.stdout + done.stderr).strip()

    return check


def test_the_script_is_short_enough_to_be_read():
    assert len(SCRIPT.read_text().splitlines()) <= 50


def test_every_event_of_every_seal_is_proved(tmp_path, proof_of, check):
    log_of_three_seals()
    append([*deposits("ä\"'\\", 1, 2)], at=AT)
    call_command("seal_log")
    exported(tmp_path)

    proved = {}
    for identity, versions in {"A": [1, 4, 5, 7], "B": [2], "C": [1], "ä\"'\\": [2]}.items():
        for version in versions:
            proof = proof_of(number_of(identity, version))
            proved[identity, version] = check(proof, file_of(tmp_path, proof["seal"]["number"]))

    assert {code for code, _ in proved.values()} == {0}
    assert proved["A", 5][1] == (
        f"event {number_of('A', 5)} (AccountEvent::Deposited, Account-A, version 5) is under seal 2"
        " of 2025-03-01T12:31:00.250000Z"
    )


def test_a_proof_holds_the_event_as_it_is_stored(proof_of):
    log_of_three_seals()

    event = proof_of(number_of("A", 5))["event"]

    assert event["data"] == '{"amount":"1.5"}'
    assert event["recorded_at"] == "2025-03-01T12:30:00.250000Z"


def changed(proof, *way, to):
    """Change what lies at the end of a way."""
    copy = json.loads(json.dumps(proof))
    inner = copy
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = to
    return copy


@pytest.mark.parametrize(
    ("way", "to"),
    [
        (["event", "number"], 1),
        (["event", "aggregate_id"], "B"),
        (["event", "version"], 6),
        (["event", "type"], "AccountEvent::Withdrawn"),
        (["event", "schema"], 2),
        (["event", "data"], '{"amount":"15"}'),
        (["event", "metadata"], "{}"),
        (["event", "recorded_at"], "2025-03-01T12:30:00.250001Z"),
        (["event", "hash"], "0" * 64),
        (["previous_hash"], "0" * 64),
        (["path"], []),
        (["path", 0], ["left", "0" * 64]),
        (["path", 0, 1], "0" * 64),
    ],
)
def test_a_proof_of_something_else_is_refused(tmp_path, proof_of, check, way, to):
    log_of_three_seals()
    proof = proof_of(number_of("A", 5))

    code, told = check(changed(proof, *way, to=to), file_of(exported(tmp_path), 2))

    assert (code, told[:12]) == (1, "NOT PROVED: ")


def test_a_changed_event_with_a_hash_that_fits_is_refused(tmp_path, proof_of, check):
    log_of_three_seals()
    proof = proof_of(number_of("A", 5))
    change("""data = '{"amount":"15"}'""", "A", 5)
    rechain("A", 5)
    (row,) = (row for row in stored_rows("Account", "A") if row.version == 5)

    forged = changed(proof, "event", to=exact(row)._asdict())

    assert check(forged, file_of(exported(tmp_path), 2)) == (1, "NOT PROVED: the event is not under the seal's root")


def test_a_proof_is_refused_by_another_seal_or_a_changed_one(tmp_path, proof_of, check):
    log_of_three_seals()
    folder = exported(tmp_path)
    proof = proof_of(number_of("A", 5))
    altered = folder / "altered.json"
    altered.write_text(file_of(folder, 2).read_text().replace('"events":4', '"events":5'))

    assert check(proof, file_of(folder, 1))[1].endswith("is not in the range of seal 1")
    assert check(proof, altered) == (1, "NOT PROVED: the seal's hash does not fit what the seal says")


def test_what_can_not_be_proved_is_said(proof_of):
    log_of_three_seals()
    (unsealed,) = append(deposits("A", 8), at=AT)

    with pytest.raises(CommandError, match=f"event {unsealed.number} is not sealed yet: run seal_log"):
        proof_of(unsealed.number)
    with pytest.raises(CommandError, match="expected one event with number 1000000, found none"):
        proof_of(10**6)

    change("hash = '00'", "A", 1)
    with pytest.raises(CommandError, match="the events of seal 1 are not as they were sealed: run verify_log"):
        proof_of(number_of("A", 2))
    take_out("C", 1)
    with pytest.raises(CommandError, match="the events of seal 2 are not as they were sealed"):
        proof_of(number_of("A", 5))
