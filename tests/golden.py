"""Golden files: every type of event, in every schema that was ever shipped, as the JSON that lies in the log.

`python -m tests.golden` writes a file for each type and schema of today that has none, from the samples in
tests/support/event_samples.py. What is there is never written again: it is what installations have stored, and must
stay readable for ever. So, for a new type: add samples and run it. For a new schema of a type: write the upcaster, mend
the samples, run it, and put into `value` of the older files what their events are read as now.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from eventstore.codec import encode
from eventstore.events import Event, current_schema, name_of, registered

FOLDER = Path(__file__).parent / "recordings" / "events"


class Golden(NamedTuple):
    """One type in one schema: each event's JSON as it is stored, and what it is read as today."""

    name: str
    schema: int
    samples: list[dict[str, Any]]


def path_of(name: str, schema: int, folder: Path = FOLDER) -> Path:
    return folder / f"{name.replace('::', '.')}.{schema}.json"


def read(path: Path) -> Golden:
    return Golden(**json.loads(path.read_text()))


def shipped() -> list[str]:
    """Every stored name that the product has; the tests have some of their own."""
    return sorted(name for name, kind in registered().items() if not kind.__module__.startswith("tests."))


def write_missing(samples: Iterable[Event], folder: Path = FOLDER) -> list[Path]:
    """Write a file for each type of the samples that has none in today's schema. Return what was written."""
    by_name: dict[str, list[Event]] = {}
    for sample in samples:
        by_name.setdefault(name_of(sample), []).append(sample)
    written = []
    for name, events in by_name.items():
        path = path_of(name, current_schema(name), folder)
        if path.exists():
            continue
        texts = [encode(event) for event in events]
        golden = Golden(name, current_schema(name), [{"data": text, "value": json.loads(text)} for text in texts])
        path.write_text(json.dumps(golden._asdict(), indent=2, ensure_ascii=False) + "\n")
        written.append(path)
    return written


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.support.event_samples import SAMPLES

    FOLDER.mkdir(exist_ok=True)
    for path in write_missing(SAMPLES):
        print(f"written: {path}")
    without = [name for name in shipped() if not path_of(name, current_schema(name)).exists()]
    if without:
        sys.exit(f"no sample in tests/support/event_samples.py of {', '.join(without)}: add one, and run this again")


if __name__ == "__main__":
    main()
