"""The project's source, as the architecture tests read it."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
APPS = ("eventstore", "trading", "audit_trail", "config")


def files(root: Path = PROJECT) -> list[Path]:
    """List the Python files of the four apps, less the migrations, which Django writes."""
    return sorted(
        path for app in APPS for path in (root / app).rglob("*.py") if "migrations" not in path.relative_to(root).parts
    )


def module_of(path: Path, root: Path = PROJECT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, root: Path = PROJECT) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of every import: at the top, in functions, and for type checkers alike."""
    module = module_of(path, root)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                origin = ".".join([*above, *([origin] if origin else [])])
            # `from trading import position` imports trading.position, `from trading.position import Side` does not.
            yield from ((node.lineno, _module_or_origin(origin, name.name, root)) for name in node.names)


def _module_or_origin(origin: str, name: str, root: Path) -> str:
    inner = root.joinpath(*origin.split("."), name)
    return f"{origin}.{name}" if inner.is_dir() or inner.with_suffix(".py").is_file() else origin
