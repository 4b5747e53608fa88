"""Golden events: what was ever stored can be read, and what is stored today is what was before, byte for byte."""

import json

import pytest

from eventstore.codec import decode, encode
from eventstore.events import current_schema, name_of
from tests import golden
from tests.support.event_samples import SAMPLES

FILES = sorted(golden.FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_golden_event_is_read_as_its_class_is_today(path):
    name, schema, samples = golden.read(path)

    assert path == golden.path_of(name, schema)
    assert samples
    assert [json.loads(encode(decode(name, schema, each["data"]))) for each in samples] == [
        each["value"] for each in samples
    ]


def test_every_type_has_golden_events_in_every_schema_up_to_todays():
    missing = [
        golden.path_of(name, schema).name
        for name in golden.shipped()
        for schema in range(1, current_schema(name) + 1)
        if not golden.path_of(name, schema).exists()
    ]
    assert missing == [], "python -m tests.golden writes those of today's schema; the others were lost"


def test_every_golden_event_is_of_a_type_and_schema_that_is_known():
    known = [(name, current_schema(name)) for name in golden.shipped()]
    strange = [
        path.name
        for path in FILES
        if not any(name == golden.read(path).name and golden.read(path).schema <= newest for name, newest in known)
    ]
    assert strange == []


def test_todays_encoding_is_the_golden_text():
    today: dict[str, list[str]] = {}
    for sample in SAMPLES:
        today.setdefault(name_of(sample), []).append(encode(sample))

    assert sorted(today) == golden.shipped()
    files = {name: golden.read(golden.path_of(name, current_schema(name))) for name in today}
    assert today == {name: [each["data"] for each in file.samples] for name, file in files.items()}


def test_the_samples_are_read_back_as_they_are():
    for sample in SAMPLES:
        name = name_of(sample)
        assert decode(name, current_schema(name), encode(sample)) == sample


def test_a_golden_file_is_never_written_again(tmp_path):
    assert len(golden.write_missing(SAMPLES, tmp_path)) == len(golden.shipped())
    kept = golden.path_of("PositionEvent::Initialized", 1, tmp_path)
    kept.write_text("kept")
    golden.path_of("PositionEvent::Migrated", 1, tmp_path).unlink()

    assert golden.write_missing(SAMPLES, tmp_path) == [golden.path_of("PositionEvent::Migrated", 1, tmp_path)]
    assert kept.read_text() == "kept"
