"""Copying: the project as mutmut gets it, in a folder of its own, so that nothing of the working copy changes.

mutmut leaves decorated functions alone, and a position's net and size are properties. In the copy a decorator stands
below its function, where it does the same:

    @property                          def net(self):
    def net(self): ...        becomes      ...
                                       net = (property)(net)
"""

import ast
import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("audit_trail", "config", "eventstore", "templates", "tests", "trading")

# A database in the folder in which tests of mutants run.
TEMPLATE = "migrated.sqlite3"

# They do the same in each mode of the ledger.
STATIONS = "trading/conductor/"

# What a mutant may take besides its tests, before fifteen times the whole counts as hanging: on a busy machine pytest
# alone begins slowly.
UNHURRIED_SECONDS = 5.0

# mutmut knows these itself.
KNOWN = {"staticmethod", "classmethod"}


def copy_of(target: str, tests: list[str], *, into: Path, project: Path = PROJECT) -> None:
    """Copy the project and say there what is mutated, and by which tests it is tried."""
    into.mkdir(parents=True, exist_ok=True)
    copied = [name for name in (*FOLDERS, "manage.py") if (project / name).exists()]
    for name in [name for name in copied if name in FOLDERS]:
        shutil.rmtree(into / name, ignore_errors=True)
        shutil.copytree(project / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in [*(name for name in copied if name not in FOLDERS), "pyproject.toml"]:
        shutil.copy(project / name, into / name)
    with (into / "pyproject.toml").open("a") as settings:
        settings.write(settings_of(target, tests, copied))
    path = into / target
    path.write_text(undecorated(path.read_text()))


def settings_of(target: str, tests: list[str], copied: list[str]) -> str:
    # What looks for leaks and remembers failures takes as long as a quick test does.
    left_out = ("randomly", "xdist", "unraisableexception", "threadexception", "cacheprovider")
    plugins = [f"no:{name}" for name in left_out]
    if "manage.py" in copied:
        plugins.append("tests.mutations.migrated")
    if target.startswith(STATIONS):
        plugins.append("tests.mutations.one_mode")
    options = [word for plugin in plugins for word in ("-p", plugin)]
    return "\n".join(
        [
            "",
            "[tool.mutmut]",
            f"source_paths = {[str(Path(target).parent)]}",
            f"only_mutate = {[target]}",
            f"also_copy = {copied}",
            f"pytest_add_cli_args_test_selection = {tests}",
            f"pytest_add_cli_args = {options}",
            f"timeout_constant = {UNHURRIED_SECONDS}",
            "",
        ]
    )


def undecorated(source: str) -> str:
    """Write each decorator of a function below it, as an assignment."""
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in sorted(functions, key=lambda node: node.lineno, reverse=True):
        decorators = [ast.unparse(one) for one in function.decorator_list]
        if not decorators or KNOWN & set(decorators):
            continue
        indent = " " * function.col_offset
        wrapped = function.name
        for decorator in reversed(decorators):
            wrapped = f"({decorator})({wrapped})"
        lines.insert(function.end_lineno or function.lineno, f"{indent}{function.name} = {wrapped}")
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines) + "\n"
