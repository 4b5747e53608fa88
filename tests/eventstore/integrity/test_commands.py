"""verify_log as it is called: what it prints, and how it ends."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.eventstore.integrity.logs import (
    change,
    exported,
    free_number,
    log_of_three_seals,
    number_of,
    put_in,
    rechain,
    reseal,
    tail,
    take_out,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def verify(capsys):
    def verify(*options):
        capsys.readouterr()
        code = 0
        try:
            call_command("verify_log", *options)
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.strip()

    return verify


def test_a_whole_log_ends_with_0_and_a_summary(verify):
    log_of_three_seals()
    tail()

    assert verify() == (
        0,
        ["15 events, 3 seals, 4 events under none of them, 3 seals without a file: all is as it was recorded"],
        "",
    )


def test_a_log_that_is_not_whole_ends_with_1_and_a_row_for_each_finding(verify):
    log_of_three_seals()
    number = number_of("A", 3)
    take_out("A", 3)

    code, (heading, in_stream, in_seal), told = verify()

    assert code == 1
    assert heading == "kind\tstream\tversion\tnumber\tseal\texpected\tfound"
    unchecked = f"none, and so the hash of version 4 (number {number + 1}) can't be checked"
    assert in_stream == f"missing\tAccount-A\t3\t\t\tversion 3\t{unchecked}"
    assert in_seal.startswith(f"missing\t\t\t{number}\t1\tan event whose leaf begins with ")
    assert "found 2 rows that are not" in told


def test_on_a_terminal_a_bar_shows_how_far_it_is(verify, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    log_of_three_seals()
    take_out("A", 7)

    code, rows, told = verify()

    assert (code, len(rows)) == (1, 2)
    assert "100%" in told


def test_as_json_each_line_is_an_object_and_the_last_one_is_the_summary(verify):
    log_of_three_seals()
    take_out("A", 7)

    code, rows, told = verify("--json")
    finding, summary = map(json.loads, rows)

    assert (code, told) == (1, "")
    assert (finding["kind"], finding["seal"], finding["stream"]) == ("missing", 3, None)
    assert summary == {
        "findings": 1,
        "events": 10,
        "seals": 3,
        "events_under_none_of_them": 0,
        "seals_without_a_file": 3,
    }


def test_only_a_part_is_looked_at_if_told_so(verify):
    first, second, _ = log_of_three_seals()
    change("schema = 9", "A", 1)

    assert verify("--from", str(first.up_to_number + 1))[0] == 0
    assert verify("--to", str(second.up_to_number))[0] == 1


def test_exported_seals_are_believed_if_they_are_given(verify, tmp_path):
    log_of_three_seals()
    exported(tmp_path)
    change("""data = '{"amount":"15"}'""", "A", 7)
    rechain("A", 7)
    reseal(3)

    assert verify()[0] == 0
    assert verify("--seals", str(tmp_path))[0] == 1


def test_a_folder_that_is_not_there_is_no_proof(tmp_path):
    with pytest.raises(CommandError, match="expected a folder with exported seals, found none") as raised:
        call_command("verify_log", "--seals", str(tmp_path / "nowhere"))
    assert raised.value.returncode == 2


def test_a_row_is_a_line_whatever_an_event_is_named(verify):
    log_of_three_seals()
    put_in(free_number(), "a\tb\nc\x1b", 1, previous="0" * 64)

    assert verify()[1][1].startswith("changed\tAccount-a\\tb\\nc\\x1b\t1\t")


# One stream


def test_a_stream_alone_is_looked_at(verify):
    log_of_three_seals()
    tail()
    change("schema = 9", "B", 1)

    assert verify("--stream", "Account", "A") == (
        0,
        ["10 events, 3 events under no seal, 3 seals without a file: all is as it was recorded"],
        "",
    )
    code, rows, _ = verify("--stream", "Account", "B")
    assert (code, rows[1].split("\t")[:3]) == (1, ["changed", "Account-B", "1"])


def test_a_stream_computed_anew_is_named_by_the_marks(verify):
    log_of_three_seals()
    change("""data = '{"amount":"15"}'""", "A", 5)
    rechain("A", 5)

    _, rows, _ = verify("--stream", "Account", "A")

    assert [row.split("\t")[:5] for row in rows[1:]] == [
        ["changed", "Account-A", str(version), str(number_of("A", version)), str(seal)]
        for version, seal in ((5, 2), (6, 2), (7, 3))
    ]


def test_a_stream_that_lacks_an_event_or_has_one_too_many_is_named(verify):
    log_of_three_seals()
    take_out("A", 3)
    assert verify("--stream", "Account", "A")[1][1].startswith("missing\tAccount-A\t3\t")

    number = number_of("C", 1)
    change("number = %s, version = 4, aggregate_id = 'B'", "A", 4, number + 1000)
    take_out("C", 1)
    put_in(number, "D", 1)
    assert verify("--stream", "Account", "D")[1][1].startswith(f"changed\tAccount-D\t1\t{number}\t2\t")


def test_a_stream_is_looked_at_page_by_page(verify, monkeypatch):
    monkeypatch.setattr("eventstore.integrity.verifying_streams.PAGE", 2)
    log_of_three_seals()
    tail()
    assert verify("--stream", "Account", "A")[0] == 0

    change("schema = 9", "A", 9)
    assert verify("--stream", "Account", "A")[1][1].startswith("changed\tAccount-A\t9\t")


def test_a_stream_that_does_not_exist_is_no_proof():
    log_of_three_seals()

    with pytest.raises(
        CommandError, match=r"expected a stream with events, found no event of Account-a: look"
    ) as raised:
        call_command("verify_log", "--stream", "Account", "a")
    assert raised.value.returncode == 2


def test_a_stream_of_which_only_the_archive_is_left_is_named(verify, settings, tmp_path):
    settings.ARCHIVE_FOLDER = tmp_path
    log_of_three_seals()
    call_command("archive_log", "--up-to", "1000000000")
    take_out("B", 1, 2, 3)

    code, rows, _ = verify("--stream", "Account", "B")

    assert (code, rows[1:]) == (1, ["missing\tAccount-B\t3\t\t\tan event in the table\tnone"])
