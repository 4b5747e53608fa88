"""Mutants: what mutmut made of a module and what became of each, told as a line before and a line after."""

import ast
import difflib
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

LONG, AROUND = 160, 40


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
    if len(gone) > LONG:
        gone, come = shortened(gone, come)
    return f"{gone} ⇒ {come or '(nothing)'}"


def shortened(gone: str, come: str) -> tuple[str, str]:
    """Leave out what a long statement has in common before and after, but for some words around what differs."""
    start = max(_alike(gone, come) - AROUND, 0)
    end = max(_alike(gone[start:][::-1], come[start:][::-1]) - AROUND, 0)
    before, after = ("…" if start else ""), ("…" if end else "")
    return (
        f"{before}{gone[start : len(gone) - end]}{after}",
        f"{before}{come[start : len(come) - end]}{after}",
    )


def _alike(left: str, right: str) -> int:
    """How many characters they have in common before they differ."""
    return next(
        (n for n, (one, other) in enumerate(zip(left, right, strict=False)) if one != other),
        len(min(left, right, key=len)),
    )


def _body(function: ast.FunctionDef) -> list[str]:
    return list(_lines(ast.unparse(ast.Module(function.body, [])) + "\n" + ast.unparse(function.args)))


def _lines(text: str) -> Iterator[str]:
    yield from text.splitlines()
