"""Reasons: an operator says why, and that is kept."""

from django.core.management.base import CommandError


def required(reason: str) -> str:
    """Return a reason without the spaces around it; an empty one ends the command with 2."""
    if not reason.strip():
        raise CommandError("expected a reason, was empty", returncode=2)
    return reason.strip()
