"""The demo's contracts, source and compiled form: an order book that only emits events, an oracle, and tokens."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

COMPILED = Path(__file__).with_name("compiled.json")


@dataclass(frozen=True)
class Contract:
    """A compiled contract: its interface, and the code that deploys it."""

    abi: list[dict[str, Any]]
    bytecode: bytes


@cache
def contract(name: str) -> Contract:
    """Return a contract as it was compiled by `python -m config.demo.contracts.compile`."""
    compiled = json.loads(COMPILED.read_text())["contracts"][name]
    return Contract(compiled["abi"], bytes.fromhex(compiled["bytecode"].removeprefix("0x")))
