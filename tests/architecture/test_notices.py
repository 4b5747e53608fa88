"""Each kind of notice that the code can open tells an operator, under its name, what to do about it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_trail.alerts.severity import KINDS
from tests.architecture.source import PROJECT, files

OPERATIONS = PROJECT / "docs" / "operations.md"
ALERTS = PROJECT / "docs" / "alerts.md"
TOLD = ("*At risk*", "*Look at*", "*Do*")


class UnclearKind(ValueError):
    """The kind of a notice is no text that stands in its file, so nobody can say what an operator may meet."""


def test_each_kind_of_notice_has_its_section_and_no_section_is_of_another():
    assert sorted(sections()) == sorted(kinds())


def test_each_section_says_what_is_at_risk_what_to_look_at_and_what_to_do():
    lacking = {
        kind: missing
        for kind, text in sections().items()
        if (missing := [part for part in TOLD if part.lower() not in re.sub(r"\s+", " ", text).lower()])
    }
    # Its own section is linked to, which tells both.
    assert lacking == {}


def test_each_kind_has_its_severity_and_no_severity_is_of_another():
    assert sorted(KINDS) == sorted(kinds())


def test_each_kind_is_told_in_the_table_of_alerts_as_it_is_treated():
    told = re.findall(r"^\| \[`([a-z_]+)`\]\(operations\.md#\1\) \| (\w+) \| (\w+) \| ", ALERTS.read_text(), re.M)

    assert told == [
        (kind, standing.severity.value, "yes" if standing.is_reminded else "no")
        for kind, standing in sorted(KINDS.items())
    ]


def test_a_section_links_to_places_that_are_there():
    text = OPERATIONS.read_text()
    places = {
        re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)
    }

    assert [place for place in re.findall(r"\]\(#([^)]+)\)", text) if place not in places] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('open_notice("order_stuck", subject, text, at=now)', ["order_stuck"]),
        ('KIND = "disk_space"\nopen_notice(KIND, subject, text, at=now)', ["disk_space"]),
        ('KIND, SUBJECT = "ledger_difference", "x"\nopen_notice(KIND, SUBJECT, text, at=now)', ["ledger_difference"]),
        (
            'class Switch:\n    kind = "kill_switch"\n    def tell(self):\n        open_notice(self.kind, "x")',
            ["kill_switch"],
        ),
        ('open_notice(subject="x", kind="late_fill")', ["late_fill"]),
        (
            'RULES = [Rule("rows_unread", f), Rule("calls_failing", f)]\nopen_notice(rule.kind, "x", "y", at=now)',
            ["rows_unread", "calls_failing"],
        ),
        ("close_notice('late_fill', 'order 1', at=now)", []),
        ("def open_notice(kind, subject): pass", []),
    ],
)
def test_a_kind_is_found_however_it_is_written(source, found):
    assert list(kinds_in(source)) == found


@pytest.mark.parametrize(
    "source",
    [
        "open_notice(kind, subject)",
        "open_notice(rule.kind, subject)",
        "open_notice(f'{x}_stuck', subject)",
        "open_notice()",
    ],
)
def test_a_kind_that_can_not_be_told_is_an_error(source):
    with pytest.raises(UnclearKind):
        list(kinds_in(source))


def kinds() -> set[str]:
    return {kind for path in files() for kind in kinds_in(path.read_text(), path)}


def kinds_in(source: str, path: Path = Path("x.py")) -> Iterator[str]:
    """Yield the kind of each notice that a file opens."""
    tree = ast.parse(source)
    for scope, node in calls_of("open_notice", tree, None):
        named = [keyword.value for keyword in node.keywords if keyword.arg == "kind"]
        match [*node.args[:1], *named]:
            case [ast.Constant(value=str(kind))]:
                yield kind
            case [ast.Name(id=name)] if (text := text_of(name, tree)) is not None:
                yield text
            case [ast.Attribute(value=ast.Name(id="rule"), attr="kind")] if rules := list(kinds_of_rules(tree)):
                yield from rules
            case [ast.Attribute(value=ast.Name(id="self"), attr=name)] if scope and (text := text_of(name, scope)):
                yield text
            case _:
                raise UnclearKind(f"{path}:{node.lineno}: expected the kind as a text or a name of one in this file")


def kinds_of_rules(tree: ast.Module) -> Iterator[str]:
    """Yield the kind of each rule that a file lists."""
    for _, node in calls_of("Rule", tree, None):
        match node.args:
            case [ast.Constant(value=str(kind)), *_]:
                yield kind


def calls_of(name: str, node: ast.AST, scope: ast.ClassDef | None) -> Iterator[tuple[ast.ClassDef | None, ast.Call]]:
    """Yield each call of a function, with the class that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == name:
            yield scope, child
        yield from calls_of(name, child, child if isinstance(child, ast.ClassDef) else scope)


def text_of(name: str, scope: ast.Module | ast.ClassDef) -> str | None:
    """The text that a name is given once, at the top of a file or a class."""
    for node in scope.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=str(text))) if found == name:
                return text
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=True):
                    match target, value:
                        case ast.Name(id=found), ast.Constant(value=str(text)) if found == name:
                            return text
    return None


def sections() -> dict[str, str]:
    """What the document says of each kind, by the heading that names it."""
    _, _, part = OPERATIONS.read_text().partition("\n## The pager rang\n")
    told = part.partition("\n## ")[0]
    parts = re.split(r"^### `([a-z_]+)`$", told, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
