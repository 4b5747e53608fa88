"""Shrinking: from a story that fails to the fewest of its acts with which it fails in the same way.

Time passes as in the whole story; only what happens in it is left out. Delta debugging: ever smaller pieces are left
out, and stay out where the same thing is violated without them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.story import Story

MOST_TRIES = 150
_VARIES = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]+|[-\d.:E]*\d[-\d.:E]*")


def count(story: "Story") -> int:
    return sum(len(step.acts) for step in story.steps)


def only(story: "Story", numbers: Sequence[int]) -> "Story":
    """The story with these of its acts alone, which are counted from 0."""
    kept, number, steps = set(numbers), 0, []
    for step in story.steps:
        acts = []
        for act in step.acts:
            if number in kept:
                acts.append(act)
            number += 1
        steps.append(replace(step, acts=tuple(acts)))
    return replace(story, steps=tuple(steps))


def sort_of(violation: str) -> str:
    """What is violated, without the numbers and names that are another's in another story."""
    return _VARIES.sub("#", violation)[:50]


def shrink(
    numbers: Sequence[int], fails: Callable[[Sequence[int]], bool], *, most_tries: int = MOST_TRIES
) -> tuple[list[int], int]:
    """Leave out what it fails without. Return what is left, and how often it was tried.

    `fails` plays the story with these acts alone, and tells whether it fails as the whole one did.
    """
    left, pieces, tries = list(numbers), 2, 0
    while len(left) > 1 and tries < most_tries:
        size = -(-len(left) // pieces)
        for start in range(0, len(left), size):
            without = left[:start] + left[start + size :]
            tries += 1
            if without and fails(without):
                left, pieces = without, max(pieces - 1, 2)
                break
            if tries >= most_tries:
                return left, tries
        else:
            if size == 1:
                break
            pieces = min(2 * pieces, len(left))
    return left, tries


def told(numbers: Sequence[int]) -> str:
    """Write numbers as `0-3,7`."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans)


def numbers_of(text: str) -> list[int]:
    """Read what `told` wrote."""
    numbers: list[int] = []
    for span in text.split(","):
        first, _, last = span.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
