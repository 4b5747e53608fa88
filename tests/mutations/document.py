"""Write docs/mutations.md anew: python -m tests.mutations.document, from figures.json and survivors.toml."""

import json
from pathlib import Path
from typing import Any

from tests.mutations.copying import PROJECT
from tests.mutations.survivors import Explained, explained
from tests.mutations.targets import TARGETS

DOCUMENT = PROJECT / "docs" / "mutations.md"
FIGURES = Path(__file__).with_name("figures.json")

HEAD = """# Mutants: rules that are broken on purpose

A test that passes says that the code is right, or that the test does not look. So each rule is broken, one small
change at a time, and the tests that hold it must fail: `<` becomes `<=`, `and` becomes `or`, `add` gets `None`, a
case of a `match` is left out, a number is one more, a text is another. A change that no test notices is a survivor:
either it is no change of what the module does, which is explained below, or a test is missing.

```
$ uv run python -m tests.mutations                                  # all modules
$ uv run python -m tests.mutations trading/position/aggregate.py    # one
```

[mutmut](https://mutmut.readthedocs.io) makes the mutants and runs the tests, in a copy of the project under
`.mutations/`; which tests hold which module stands in `tests/mutations/targets.py`. Most ask for no database, so a
mutant costs a fork and the tests that come past it: about a third of a second of a processor. What was killed is
remembered until its function changes, or until `--again`; what survived is tried again each time. The command ends
with 1 where something survives that `tests/mutations/survivors.toml` does not explain, or where it explains what does
not survive. It is no part of `.ci/run`: a module takes minutes. Whether it kills and tells as it must is a test in it
(`tests/mutations/test_mutations.py`).

mutmut leaves decorated functions alone; in the copy each decorator but `@classmethod` and `@staticmethod` stands
below its function, so that properties are mutated too. What it does not do: leave out a statement, change what stands
outside of functions (tables, default values of a struct), or change an f-string, of which only the whole text is taken
away.

Stations, the ledger and the execution of decisions ask for a database, which is migrated once for all mutants of a
module (`tests/mutations/migrated.py`); a mutant of theirs takes some two seconds. A station does the same in each mode
of the ledger, so that its tests run in one (`tests/mutations/one_mode.py`); the ledger itself is tried in all. Where
a file of tests takes long, single tests of it are named. `--drawn COUNT --seed SEED` tries some of a module's mutants,
and the table says where it did: what was not drawn is open work. What keeps the ledger's links, compares its memories
and makes them anew, and the books and the poller of the execution, are not among the modules.

"""


def document(figures: dict[str, dict[str, Any]], rows: list[Explained]) -> str:
    lines = [
        HEAD,
        "## Figures\n\n",
        "| module | mutants | killed | survived | at commit |\n",
        "| --- | --- | --- | --- | --- |\n",
    ]
    for module in TARGETS:
        of = figures.get(module)
        told = f"{tried(of)} | {of['killed']} | {of['survived']} | {of['commit']}" if of else "not run | | |"
        lines.append(f"| `{module}` | {told} |\n")
    lines.append("\n## Survivors\n")
    for module in TARGETS:
        of_module = [row for row in rows if row.module == module]
        if of_module:
            lines.append(f"\n### `{module}`\n\n")
        for row in of_module:
            lines.append(f"{row.why}\n\n")
            lines.extend(f"- `{name}`\n" for name in row.mutants)
            lines.append("\n")
    return "".join(lines).rstrip() + "\n"


def tried(figures: dict[str, Any]) -> str:
    """How many mutants were tried, and of how many where some were drawn."""
    if not figures["not_run"]:
        return str(figures["mutants"])
    drawn = f", drawn with seed {figures['seed']}" if "seed" in figures else ""
    return f"{figures['mutants'] - figures['not_run']} of {figures['mutants']}{drawn}"


def figures() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = json.loads(FIGURES.read_text())
    return read


if __name__ == "__main__":
    DOCUMENT.write_text(document(figures(), explained()))
