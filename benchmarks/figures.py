"""Figures: the seconds that contenders took in the same run, and how they are told."""

import sys
from typing import NamedTuple


class Figures(NamedTuple):
    """The seconds of each contender's turns."""

    floor: list[float]
    ours: list[float]
    rival: list[float]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
