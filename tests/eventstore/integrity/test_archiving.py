"""Archiving: sealed events move to files, and whoever reads finds them there."""

import gzip
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.following import events_between, follow
from eventstore.handling import load, load_many
from eventstore.integrity import archiving
from eventstore.integrity.archives import ArchiveUnreadable, _contents
from eventstore.integrity.proofs import prove
from eventstore.integrity.sealing import seal_next
from eventstore.integrity.verifying import Verification
from eventstore.models import ArchivedStream, EventArchive, StoredEvent, StoredSnapshot
from eventstore.reading import ChainBroken, head, stream, streams, tails, verify_chain
from eventstore.replaying import Replay
from eventstore.store import append
from tests.eventstore.integrity.logs import change, exported, log_of_three_seals, put_in, tail, take_out
from tests.eventstore.samples import AT, Account, deposits

pytestmark = pytest.mark.django_db

ALL = 10**9
LATER = AT + timedelta(hours=1)


@pytest.fixture
def folder(tmp_path, settings):
    settings.ARCHIVE_FOLDER = tmp_path / "archives"
    return settings.ARCHIVE_FOLDER


@pytest.fixture
def one_seal_a_file(monkeypatch):
    monkeypatch.setattr(archiving, "EVENTS", 1)


def archive(up_to=ALL, *options):
    call_command("archive_log", "--up-to", str(up_to), *options)


def remove(up_to=ALL):
    archive(up_to, "--remove", "--yes")


def in_table():
    found = {}
    for identity, version in StoredEvent.objects.order_by("number").values_list("aggregate_id", "version"):
        found.setdefault(identity, []).append(version)
    return found


def everything():
    return [event for page in follow() for event in page]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Writing


def test_whole_seals_are_written_and_the_table_stays_as_it_is(folder, capsys):
    _, second, _ = log_of_three_seals()
    before = everything()

    archive(second.up_to_number)

    (made,) = EventArchive.objects.all()
    assert (made.first_seal, made.last_seal, made.events) == (1, 2, 10)
    assert (made.after_number, made.up_to_number, made.removed_at) == (0, second.up_to_number, None)
    assert names(folder) == [made.file]
    assert made.file == f"events-0000000001-{second.up_to_number:010d}.jsonl.gz"
    assert made.sha256 in capsys.readouterr().out
    assert in_table() == {"A": [1, 2, 3, 4, 5, 6, 7], "B": [1, 2, 3], "C": [1]}
    assert everything() == before


def test_a_file_holds_seals_and_events_as_they_are_stored(folder):
    first, *_ = log_of_three_seals()
    archive(first.up_to_number)

    lines = [json.loads(line) for line in gzip.decompress((folder / names(folder)[0]).read_bytes()).splitlines()]

    assert lines[0]["seal"]["hash"] == first.hash
    row = StoredEvent.objects.order_by("number").first()
    assert lines[1] == {
        "event": {
            "number": row.number,
            "aggregate_type": "Account",
            "aggregate_id": "A",
            "version": 1,
            "type": "AccountEvent::Deposited",
            "schema": 1,
            "data": row.data,
            "metadata": row.metadata,
            "recorded_at": "2025-03-01T12:30:00.250000Z",
            "hash": row.hash,
        }
    }
    assert len(lines) == 7


@pytest.mark.usefixtures("one_seal_a_file")
def test_what_is_archived_is_not_archived_again(folder):
    first, *_ = log_of_three_seals()

    archive(first.up_to_number)
    archive()
    archive()

    assert [(a.number, a.first_seal, a.last_seal) for a in EventArchive.objects.order_by("number")] == [
        (1, 1, 1),
        (2, 2, 2),
        (3, 3, 3),
    ]


def test_a_seal_is_never_split(folder):
    first, *_ = log_of_three_seals()

    archive(first.up_to_number - 1)

    assert not EventArchive.objects.exists()


def test_a_crash_between_file_and_row_is_mended_by_the_next_run(folder, monkeypatch):
    log_of_three_seals()
    with monkeypatch.context() as patch:
        patch.setattr(archiving.transaction, "atomic", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            archive()
    assert len(names(folder)) == 1

    archive()

    assert [made.file for made in EventArchive.objects.all()] == names(folder)


def test_another_file_of_that_name_is_left_alone(folder):
    *_, third = log_of_three_seals()
    folder.mkdir()
    path = folder / f"events-0000000001-{third.up_to_number:010d}.jsonl.gz"
    path.write_text("mine")

    with pytest.raises(CommandError, match="is there already with other content"):
        archive()
    assert path.read_text() == "mine"
    assert not EventArchive.objects.exists()


@pytest.mark.parametrize(
    "tamper",
    [
        lambda: change("""data = '{"amount":"15"}'""", "A", 2),
        lambda: take_out("B", 2),
        lambda: change("hash = '00'", "A", 7),
    ],
)
def test_what_is_not_as_it_was_sealed_is_not_archived(folder, tamper):
    log_of_three_seals()
    tamper()

    with pytest.raises(CommandError, match=r"seal [13].*run verify_log"):
        archive()
    assert not EventArchive.objects.exists()


def test_a_folder_is_needed(settings):
    settings.ARCHIVE_FOLDER = None

    with pytest.raises(CommandError, match="set ARCHIVE_FOLDER"):
        archive()


def test_a_folder_can_be_named(tmp_path, settings):
    settings.ARCHIVE_FOLDER = None
    log_of_three_seals()

    archive(ALL, "--folder", str(tmp_path / "elsewhere"))

    assert len(names(tmp_path / "elsewhere")) == 1
    with pytest.raises(CommandError, match="ARCHIVE_FOLDER is not set"):
        archive(ALL, "--folder", str(tmp_path / "elsewhere"), "--remove", "--yes")
    assert in_table()["A"] == [1, 2, 3, 4, 5, 6, 7]


# Removing


def test_removing_asks_first(folder):
    log_of_three_seals()

    with pytest.raises(CommandError, match="8 events would be taken out of the table") as raised:
        archive(ALL, "--remove")

    assert raised.value.returncode == 2
    assert in_table()["A"] == [1, 2, 3, 4, 5, 6, 7]


def test_the_newest_event_of_each_stream_stays(folder):
    log_of_three_seals()
    tail()

    remove()

    assert in_table() == {"A": [8, 9, 10], "B": [4], "C": [1]}


@pytest.mark.usefixtures("one_seal_a_file")
def test_what_was_the_newest_goes_later(folder):
    log_of_three_seals()
    remove()
    assert in_table() == {"A": [7], "B": [3], "C": [1]}

    tail()
    seal_next(now=LATER, regardless=True)
    remove()

    assert in_table() == {"A": [10], "B": [4], "C": [1]}
    verify_chain("Account", "A")


def test_a_removal_is_noted(folder):
    log_of_three_seals()
    remove()

    (made,) = EventArchive.objects.all()
    first_removal = made.removed_at
    assert first_removal is not None

    remove()
    made.refresh_from_db()
    assert made.removed_at == first_removal


def test_removing_goes_through_maintenance(folder, monkeypatch):
    opened = []
    maintenance = archiving.maintenance

    def noted(**facts):
        opened.append(facts)
        return maintenance(**facts)

    monkeypatch.setattr(archiving, "maintenance", noted)
    log_of_three_seals()
    remove()

    (facts,) = opened
    assert facts["actor"] == "archive_log"
    assert facts["reason"] == f"events are in archive 1, {names(folder)[0]}"


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other")])
def test_nothing_is_removed_whose_file_is_not_as_it_was(folder, spoil):
    log_of_three_seals()
    archive()
    spoil(folder / names(folder)[0])

    with pytest.raises(CommandError, match="expected SHA-256"):
        remove()
    assert in_table()["A"] == [1, 2, 3, 4, 5, 6, 7]


def test_an_event_that_is_in_no_file_is_not_removed(folder):
    log_of_three_seals()
    archive()
    change("""data = '{"amount":"15"}'""", "A", 2)

    with pytest.raises(CommandError, match=r"\(Account-A, version 2\) is not in archive"):
        remove()
    assert in_table()["A"] == [1, 2, 3, 4, 5, 6, 7]


# Reading through


@pytest.fixture(params=["one file", "a file a seal"])
def story(folder, request, monkeypatch):
    """What can be read before anything is archived; then all that is sealed is removed, from one file or several."""
    if request.param == "a file a seal":
        monkeypatch.setattr(archiving, "EVENTS", 1)
    log_of_three_seals()
    tail()
    before = {
        "log": everything(),
        "A": list(stream("Account", "A")),
        "A after 3": list(stream("Account", "A", after=3)),
        "streams": streams("Account", ["A", "B", "C", "nobody"]),
        "tails": tails("Account", {"A": 2, "B": 3, "C": 1}),
        "state": load(Account, "A"),
        "states": load_many(Account, ["A", "B", "C", "nobody"]),
    }
    remove()
    assert StoredEvent.objects.count() == 5
    return before


def test_the_log_and_its_streams_read_as_before(story):
    assert {
        "log": everything(),
        "A": list(stream("Account", "A")),
        "A after 3": list(stream("Account", "A", after=3)),
        "streams": streams("Account", ["A", "B", "C", "nobody"]),
        "tails": tails("Account", {"A": 2, "B": 3, "C": 1}),
        "state": load(Account, "A"),
        "states": load_many(Account, ["A", "B", "C", "nobody"]),
    } == story


def test_any_part_of_the_log_reads_as_before(story):
    log = story["log"]
    numbers = [event.number for event in log]
    for after in (0, *numbers):
        for limit in (1, 3, 100):
            expected = [event for event in log if after < event.number <= numbers[-3]][:limit]
            assert events_between(after, numbers[-3], limit=limit) == expected
        of_b = [event for event in log if event.number > after and event.aggregate_id == "B"]
        assert events_between(after, ALL, aggregate_types=["Nothing"]) == []
        found = events_between(after, ALL, aggregate_types=["Account"])
        assert [event for event in found if event.aggregate_id == "B"] == of_b


def test_streams_are_replayed_from_their_beginnings(story):
    run = Replay()

    assert list(run.broken()) == []
    assert (run.streams, run.events) == (3, len(story["log"]))


def test_a_stream_whose_file_is_gone_is_told_as_one_that_breaks(story, folder):
    for name in names(folder):
        (folder / name).unlink()
    _contents.cache_clear()

    broken = list(Replay().broken())

    assert [(each.aggregate_id, each.version) for each in broken] == [("A", 8), ("B", 4)]
    assert all("ArchiveUnreadable: archive" in each.error and "put it back" in each.error for each in broken)


def test_a_stream_is_read_page_by_page_out_of_archives_too(story, monkeypatch):
    monkeypatch.setattr("eventstore.reading.PAGE", 2)

    assert list(stream("Account", "A")) == story["A"]
    verify_chain("Account", "A")


def test_the_log_goes_on_where_it_was(story):
    append(deposits("A", 11), at=LATER)
    append(deposits("C", 2), at=LATER)

    assert head("Account", "A") == 11
    assert [event.version for event in stream("Account", "C")] == [1, 2]
    verify_chain("Account", "A")
    verify_chain("Account", "C")


def test_snapshots_are_not_needed_to_load(story):
    StoredSnapshot.objects.all().delete()

    assert load(Account, "A") == story["state"]


def test_a_log_whose_events_are_removed_verifies(story, tmp_path):
    (tmp_path / "seals").mkdir()
    verification = Verification(exported=exported(tmp_path / "seals"))

    assert list(verification.findings()) == []
    assert verification.counts()["events"] == 15
    assert verification.counts()["seals"] == 3


def test_an_event_that_was_removed_is_proved(story):
    removed = story["A"][1]

    proof = prove(removed.number)

    assert (proof.event["version"], proof.event["hash"]) == (2, removed.hash)
    assert proof.previous_hash == story["A"][0].hash


def test_a_file_that_is_missing_is_named(story, folder):
    for name in names(folder):
        (folder / name).rename(folder / f"{name}.away")

    for read in (lambda: load(Account, "A"), everything, lambda: list(stream("Account", "A"))):
        with pytest.raises(ArchiveUnreadable, match=r"archive .*gz: expected SHA-256 [0-9a-f]{64}, found no file"):
            read()


def test_a_file_that_was_altered_is_named(story, folder):
    archive = EventArchive.objects.get(number=1)
    path = folder / archive.file
    path.write_bytes(path.read_bytes() + b"!")

    with pytest.raises(ArchiveUnreadable, match=f"expected SHA-256 {archive.sha256}, found (?!{archive.sha256})"):
        load(Account, "A")


def test_without_the_setting_it_says_so(story, settings):
    settings.ARCHIVE_FOLDER = None

    with pytest.raises(ArchiveUnreadable, match="ARCHIVE_FOLDER is not set: set it"):
        load(Account, "A")


def test_a_gap_that_no_archive_fills_is_an_error(story):
    take_out("A", 9)  # It switches the guards off.
    ArchivedStream.objects.filter(aggregate_id="B").delete()

    with pytest.raises(ChainBroken, match="Account-A: expected version 9, found another at version 10"):
        load(Account, "A")
    with pytest.raises(ChainBroken, match="Account-A: expected version 9"):
        list(stream("Account", "A"))
    with pytest.raises(ChainBroken, match="Account-B: expected version 1, found another at version 4"):
        load(Account, "B")


# Verifying archives


def test_a_damaged_archive_is_a_finding_and_hides_nothing_else(story, folder):
    archive = EventArchive.objects.order_by("number").last()
    path = folder / archive.file
    path.write_bytes(b"other")
    change("hash = '00'", "A", 10)
    _contents.cache_clear()

    findings = list(Verification().findings())

    assert str(path) in findings[0].found
    assert [(f.stream, f.version) for f in findings if f.kind == "changed" and f.stream] == [("Account-A", 10)]
    assert {f.kind for f in findings} <= {"changed", "unchecked"}


def test_what_the_table_still_has_of_an_archived_range_is_held_against_it(story):
    change("""data = '{"amount":"15"}'""", "C", 1)

    kinds = [(f.kind, f.stream, f.version) for f in Verification().findings()]

    assert kinds == [("changed", "Account-C", 1)]


def test_an_event_put_into_an_archived_range_is_found(story):
    put_in(story["log"][0].number, "Z", 1)

    assert [(f.kind, f.stream) for f in Verification().findings()] == [("inserted", "Account-Z")]


# Where nothing is archived


def test_without_archives_reading_asks_no_more_than_before():
    log_of_three_seals()

    with CaptureQueriesContext(connection) as captured:
        load(Account, "A")
        list(stream("Account", "A"))
        append(deposits("A", 8), at=AT)

    assert [query["sql"] for query in captured if "archive" in query["sql"]] == []


def test_catching_up_asks_once_a_page():
    log_of_three_seals()

    with CaptureQueriesContext(connection) as captured:
        events_between(0, ALL)

    assert ["event_archives" in query["sql"] for query in captured] == [False, True]
