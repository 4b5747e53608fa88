"""Arguments: what a command line says of a venue, read."""

import re
from argparse import ArgumentTypeError
from decimal import Decimal

from config.venues.faults import FaultPlan


def number(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        raise ArgumentTypeError(f"expected a number, was {text!r}")
    return Decimal(text)


def seconds(text: str) -> Decimal | None:
    """Read a number of seconds, or `never`."""
    return None if text == "never" else number(text)


def fault_plan(text: str) -> FaultPlan:
    """Read which number draws faults, and at what share of the calls."""
    seed, _, rate = text.partition(":")
    if not seed.isdecimal() or not re.fullmatch(r"0(\.[0-9]+)?|1(\.0+)?", rate):
        raise ArgumentTypeError(f"expected SEED:RATE, as in 7:0.1 with a rate from 0 to 1, was {text!r}")
    return FaultPlan.random(int(seed), Decimal(rate))
