"""The sealer: seals and exports by itself, mends what a crash left, and overwrites nothing."""

from datetime import timedelta

import msgspec
import pytest
from django.core.management import CommandError, call_command

from eventstore.integrity import sealer as sealer_module
from eventstore.integrity.exports import SealExportDiffers, file_of, read
from eventstore.integrity.files import FileDiffers, write_once
from eventstore.integrity.sealer import Sealer
from eventstore.integrity.sealing import seal_next, seals
from eventstore.store import append
from tests.eventstore.integrity.logs import exported, log_of_three_seals, signed, stored_seals
from tests.eventstore.samples import AT, deposits

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_turn_seals_and_exports(tmp_path):
    append(deposits("A", 1), at=AT)
    sealer = Sealer(folder=tmp_path / "seals")

    assert sealer.run_once(now=AT) is True
    assert sealer.run_once(now=AT) is False

    assert names(tmp_path / "seals") == ["seal-00000001.json"]
    assert [read(file_of(tmp_path / "seals", 1))] == seals(limit=10)


def test_without_a_folder_it_only_seals():
    append(deposits("A", 1), at=AT)

    assert Sealer().run_once(now=AT) is True
    assert len(seals(limit=10)) == 1


def test_an_exported_seal_is_json_of_its_fields(tmp_path):
    append(deposits("A", 1), at=AT)
    Sealer(folder=tmp_path).run_once(now=AT)

    (seal,) = seals(limit=10)
    assert msgspec.json.decode(file_of(tmp_path, 1).read_bytes()) == msgspec.structs.asdict(seal)


def test_what_a_crash_left_unexported_is_exported_by_the_next_turn(tmp_path, monkeypatch):
    def crash(folder, seal):
        raise OSError("no space left on device")

    append(deposits("A", 1), at=AT)
    sealer = Sealer(folder=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(sealer_module, "export", crash)
        with pytest.raises(OSError, match="no space"):
            sealer.run_once(now=AT)
    append(deposits("A", 2), at=AT)

    sealer.run_once(now=AT + MINUTE)

    assert names(tmp_path) == ["seal-00000001.json", "seal-00000002.json"]


def test_another_process_goes_on_with_the_exports(tmp_path):
    log_of_three_seals()
    Sealer(folder=tmp_path).run_once(now=AT)
    file_of(tmp_path, 3).unlink()
    file_of(tmp_path, 2).unlink()

    Sealer(folder=tmp_path).run_once(now=AT)

    assert names(tmp_path) == [f"seal-0000000{number}.json" for number in (1, 2, 3)]


def test_many_exports_are_written_in_several_turns(tmp_path, monkeypatch):
    monkeypatch.setattr(sealer_module, "AT_ONCE", 2)
    log_of_three_seals()
    sealer = Sealer(folder=tmp_path)

    assert sealer.run_once(now=AT) is True
    assert len(names(tmp_path)) == 2
    assert sealer.run_once(now=AT) is False
    assert len(names(tmp_path)) == 3


def test_a_file_of_another_seal_is_left_alone_and_named(tmp_path):
    append(deposits("A", 1), at=AT)
    seal = seal_next(now=AT)
    other = signed(seal, root="0" * 64)
    file_of(tmp_path, 1).write_bytes(msgspec.json.encode(other))

    with pytest.raises(SealExportDiffers) as raised:
        Sealer(folder=tmp_path).run_once(now=AT)

    assert seal.hash in str(raised.value)
    assert other.hash in str(raised.value)
    assert str(file_of(tmp_path, 1)) in str(raised.value)
    assert read(file_of(tmp_path, 1)) == other


def test_sealing_goes_on_while_a_file_differs(tmp_path):
    append(deposits("A", 1), at=AT)
    sealer = Sealer(folder=tmp_path)
    file_of(tmp_path, 1).write_text("no seal at all")

    for minutes in range(2):
        append(deposits("A", 2 + minutes), at=AT)
        with pytest.raises(SealExportDiffers, match="can't be read"):
            sealer.run_once(now=AT + minutes * MINUTE)

    assert len(seals(limit=10)) == 2
    assert names(tmp_path) == ["seal-00000001.json"]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_database_that_lost_seals_is_told_at_once(tmp_path, left):
    log_of_three_seals()
    exported(tmp_path)
    stored_seals(number__gt=left).delete()
    # The first turn may seal anew what lost its seal.
    with pytest.raises(SealExportDiffers):
        Sealer(folder=tmp_path).run_once(now=AT)


def test_a_rewritten_seal_is_told_when_a_process_starts(tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    stored_seals(number=3).update(hash="0" * 64)

    with pytest.raises(SealExportDiffers, match="seal 3 has the hash 0000"):
        Sealer(folder=tmp_path).run_once(now=AT)


def test_seal_log_seals_at_once_and_fills_every_gap(tmp_path, settings, capsys):
    settings.SEAL_FOLDER = tmp_path / "seals"
    log_of_three_seals()
    append(deposits("A", 8), at=AT)
    exported_before = exported(tmp_path)
    (tmp_path / "seals").mkdir()
    file_of(exported_before, 2).rename(file_of(tmp_path / "seals", 2))

    call_command("seal_log")

    assert names(tmp_path / "seals") == [f"seal-0000000{number}.json" for number in (1, 2, 3, 4)]
    told = f"1 seals were made, 3 exported; the newest is seal 4, up to event {seals(limit=10)[-1].up_to_number}"
    assert capsys.readouterr().out.strip() == told


def test_seal_log_says_when_seals_stay_in_the_database(settings, capsys):
    settings.SEAL_FOLDER = None

    call_command("seal_log")

    assert "SEAL_FOLDER is not set" in capsys.readouterr().err


def test_seal_log_fails_where_a_file_differs(tmp_path, settings):
    settings.SEAL_FOLDER = tmp_path
    append(deposits("A", 1), at=AT)
    file_of(tmp_path, 1).write_text("{}")

    with pytest.raises(CommandError, match=r"seal-00000001\.json is no exported seal"):
        call_command("seal_log")


def test_a_file_is_written_once(tmp_path):
    path = tmp_path / "a file"

    assert write_once(path, b"one") is True
    assert write_once(path, b"one") is False
    with pytest.raises(FileDiffers, match="a file is there already with other content"):
        write_once(path, b"two")

    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a file"]


def test_half_a_file_is_never_seen(tmp_path, monkeypatch):
    def crash(*names):
        raise OSError("the disk is gone")

    monkeypatch.setattr("eventstore.integrity.files.os.rename", crash)

    with pytest.raises(OSError, match="the disk is gone"):
        write_once(tmp_path / "a file", b"one")
    assert names(tmp_path) == []
