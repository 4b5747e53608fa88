"""Schwab's symbols: the class of a share stands after a slash, BRK/B, and after a dot nothing is found."""

import re


def written(listed: str) -> str:
    """Write a listed symbol as Schwab does."""
    return re.sub(r"\.([A-Z])$", r"/\1", listed)


def read(told: str) -> str:
    """Read a symbol as Schwab writes it; one with a dot comes to nothing that is listed."""
    return re.sub(r"/([A-Z])$", r".\1", told) if "." not in told else told.replace(".", "/")
