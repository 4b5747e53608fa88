"""Shapes: answers as the vendors' samples have them, with the parts that never change here; the rest is filled in."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

_FOLDER = Path(__file__).parent / "shapes"
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def shape(of: str, /, **filled: Any) -> dict[str, Any]:
    """Return a shape with some of its parts filled in or added."""
    parts: dict[str, Any] = _decoder.decode(_text(of))
    return {**parts, **filled}


@cache
def _text(name: str) -> bytes:
    return (_FOLDER / f"{name}.json").read_bytes()
