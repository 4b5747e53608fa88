"""Checked: what the demo checks, in a sentence, and what it found wrong."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Checked(NamedTuple):
    """What was checked, and what was found wrong."""

    sentence: str
    findings: list[str]


def sentence_of(check: Callable[..., Any]) -> str:
    """The first line of a check says what must hold."""
    return (check.__doc__ or "").partition("\n")[0]
