"""Reasons: an operator says why, and that is kept."""

from django.core.management.base import CommandError

from trading.risk.controls import LONGEST_REASON


def required(reason: str) -> str:
    """Return a reason without the spaces around it; an empty or an endless one ends the command with 2."""
    stripped = reason.strip()
    if not stripped:
        raise CommandError("expected a reason, was empty", returncode=2)
    if len(stripped) > LONGEST_REASON:
        raise CommandError(
            f"expected a reason of at most {LONGEST_REASON} letters, was one of {len(stripped)}", returncode=2
        )
    return stripped
