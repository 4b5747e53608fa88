"""Bounds: what reading something from outside may cost, and how it may end."""

import dataclasses
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis import HealthCheck, settings

from trading.values.arithmetic import plain

T = TypeVar("T")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0")) or None
"""How many examples of each parser; None for the few that run with all tests."""

MOST_CPU_SECONDS = 2.0
MOST_MEMORY = 256 * 2**20
LONGEST_MESSAGE = 20_000
LONGEST_NUMBER = 5_000


def fuzzed(examples: int = 200) -> settings:
    """So many examples as are asked for. Time is bounded here, and not by the clock on the wall."""
    return settings(
        max_examples=EXAMPLES or examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )


def ends_well(action: Callable[[], T], *errors: type[Exception]) -> T | None:
    """Do it, and return its value, or None after one of these errors. Whatever else happens fails the test.

    What comes of it has to be of use: a database keeps its texts, and its numbers can be written down.
    """
    began, said = time.process_time(), 0
    try:
        with _little_memory():
            value = action()
    except errors as error:
        _expect_kept(str(error), "the message")
        value, said = None, len(str(error))
    took = time.process_time() - began
    assert said <= LONGEST_MESSAGE, f"a message of {said} characters"
    assert took < MOST_CPU_SECONDS, f"{took:.1f} seconds of the processor's time"
    for text, where in _texts_of(value, "the value"):
        _expect_kept(text, where)
    return value


def _texts_of(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Whatever text there is in a value, and its numbers written out."""
    waiting = [(value, where)]
    while waiting:
        each, place = waiting.pop()
        if isinstance(each, str):
            yield each, place
        elif isinstance(each, Decimal):
            assert each.is_finite(), f"{place} is {each}"
            assert -LONGEST_NUMBER < each.adjusted() < LONGEST_NUMBER, f"{place} is {each:.3e}"
            yield plain(each), place
        elif isinstance(each, int):
            assert abs(each) < 10**LONGEST_NUMBER, f"{place} is a number of {each.bit_length()} bits"
        elif isinstance(each, msgspec.Struct):
            waiting += [(getattr(each, name), f"{place}.{name}") for name in each.__struct_fields__]
        elif isinstance(each, Mapping):
            waiting += [(inner, f"{place}[{str(key)[:40]!r}]") for key, inner in each.items()]
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += [(inner, place) for inner in each]
        elif isinstance(each, datetime):
            assert each.tzinfo is not None, f"{place} has no zone"
        elif dataclasses.is_dataclass(each) and not isinstance(each, type):
            waiting += [(inner, f"{place}.{name}") for name, inner in vars(each).items()]


def _expect_kept(text: str, where: str) -> None:
    """PostgreSQL keeps no NUL, and nothing keeps half a letter."""
    assert "\0" not in text, f"{where} holds a NUL: {text[:200]!r}"
    text.encode()


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let the process grow by so much and no more, where the system can tell how large it is."""
    size = _size()
    if size is None:
        yield
        return
    lowest, highest = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY, highest))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (lowest, highest))


def _size() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return None
