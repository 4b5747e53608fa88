"""Mutants: what mutmut made of a module and what became of each, told as a line before and a line after."""

import ast
import difflib
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    UNTESTED = "untested"
    """No test comes past it."""
    TIMED_OUT = "timed out"
    """It ran for so long that it was stopped, which an unchanged run would not have been: it counts as killed."""
    NOT_RUN = "not run"


# What mutmut writes down, see its documentation: None has not been run yet.
FATES = {
    None: Fate.NOT_RUN,
    0: Fate.SURVIVED,
    1: Fate.KILLED,
    3: Fate.KILLED,
    5: Fate.UNTESTED,
    33: Fate.UNTESTED,
    24: Fate.TIMED_OUT,
    36: Fate.TIMED_OUT,
    152: Fate.TIMED_OUT,
    255: Fate.TIMED_OUT,
    -24: Fate.TIMED_OUT,
}


class Mutant(NamedTuple):
    """One change of a function, told in its own words, so that it is the same after the module has moved."""

    function: str
    change: str
    fate: Fate

    @property
    def name(self) -> str:
        return f"{self.function}: {self.change}"


def mutants(folder: Path, target: str) -> list[Mutant]:
    """Read what lies in the folder in which mutmut ran."""
    mutated = folder / "mutants" / target
    meta = mutated.with_name(mutated.name + ".meta")
    functions = {
        node.name: node for node in ast.walk(ast.parse(mutated.read_text())) if isinstance(node, ast.FunctionDef)
    }
    found = []
    for key, code in json.loads(meta.read_text())["exit_code_by_key"].items():
        name = key.rpartition(".")[2]
        mangled = name.rpartition("__mutmut_")[0]
        change = changed(functions[f"{mangled}__mutmut_orig"], functions[name])
        found.append(Mutant(plain(mangled), change, FATES[code]))
    return found


def forget_survivors(meta: Path) -> None:
    """Have what survived tried again, since a test may have come for it."""
    remembered = json.loads(meta.read_text())
    codes = remembered["exit_code_by_key"]
    remembered["exit_code_by_key"] = {key: code if FATES[code] is Fate.KILLED else None for key, code in codes.items()}
    meta.write_text(json.dumps(remembered))


def plain(mangled: str) -> str:
    """Return `Position.net` for `xǁPositionǁnet`, and `cut` for `x_cut`."""
    if "ǁ" in mangled:
        return ".".join(mangled.split("ǁ")[1:])
    return mangled.removeprefix("x_")


def changed(before: ast.FunctionDef, after: ast.FunctionDef) -> str:
    """Tell the lines that differ: `a < b ⇒ a <= b`."""
    lines = list(difflib.ndiff(_body(before), _body(after)))
    gone = " ".join(line[2:].strip() for line in lines if line.startswith("- "))
    come = " ".join(line[2:].strip() for line in lines if line.startswith("+ "))
    return f"{gone} ⇒ {come or '(nothing)'}"


def _body(function: ast.FunctionDef) -> list[str]:
    return list(_lines(ast.unparse(ast.Module(function.body, [])) + "\n" + ast.unparse(function.args)))


def _lines(text: str) -> Iterator[str]:
    yield from text.splitlines()
