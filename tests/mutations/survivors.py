"""Survivors: the mutants that no test kills and why that is right, as survivors.toml lists them."""

import tomllib
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).with_name("survivors.toml")


class Explained(NamedTuple):
    """Survivors of one module that live for one reason."""

    module: str
    why: str
    mutants: tuple[str, ...]


def explained(path: Path = LIST) -> list[Explained]:
    rows = tomllib.loads(path.read_text()).get("survivor", [])
    return [Explained(row["module"], row["why"], tuple(row["mutants"])) for row in rows]


def names_of(module: str, rows: list[Explained]) -> set[str]:
    return {name for row in rows if row.module == module for name in row.mutants}
