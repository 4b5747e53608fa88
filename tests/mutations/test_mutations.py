"""The command itself: a break that a test notices is killed, one that none does is told unless it is explained."""

import pytest

from tests.mutations import __main__ as command
from tests.mutations.copying import undecorated
from tests.mutations.document import DOCUMENT, document, figures, tried
from tests.mutations.mutants import Fate, Mutant, shortened
from tests.mutations.survivors import explained, names_of
from tests.mutations.targets import TARGETS

RULE = """
class Desk:
    @property
    def is_due(self):
        return 3 >= 3


def rest(count):
    return max(count - 1, 0)
"""

# Three reach it, and whoever changes that is noticed. Whether what is left is ever below zero is not asked.
TEST = """
from trading.rules import Desk, rest


def test_three_are_due():
    assert Desk().is_due


def test_one_is_taken():
    assert rest(5) == 4
"""


@pytest.fixture
def project(tmp_path):
    """A project of one rule and its tests, in which mutmut runs."""
    folder = tmp_path / "project"
    for name, text in (("trading/rules.py", RULE), ("tests/test_rules.py", TEST)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).with_name("__init__.py").touch()
        (folder / name).write_text(text)
    (folder / "pyproject.toml").write_text('[project]\nname = "rules"\nversion = "1"\n')
    return folder


@pytest.mark.slow
def test_a_break_that_is_noticed_is_killed_and_one_that_is_not_is_told(project, tmp_path):
    found = command.run("trading/rules.py", ["tests"], scratch=tmp_path / "scratch", project=project)
    fates = {mutant.name: mutant.fate for mutant in found}

    assert fates["Desk.is_due: return 3 >= 3 ⇒ return 3 > 3"] is Fate.KILLED
    assert fates["rest: return max(count - 1, 0) ⇒ return max(count + 1, 0)"] is Fate.KILLED
    survivor = "rest: return max(count - 1, 0) ⇒ return max(count - 1, 1)"
    assert fates[survivor] is Fate.SURVIVED
    assert f"survives: {survivor}" in command.unexpected(found, set())
    assert f"survives: {survivor}" not in command.unexpected(found, {survivor})
    # The project itself is as it was.
    assert (project / "trading/rules.py").read_text() == RULE


@pytest.mark.slow
def test_of_a_module_with_too_many_mutants_some_are_drawn_and_the_others_count_for_nothing(project, tmp_path):
    def drawn(count):
        found = command.run(
            "trading/rules.py", ["tests"], scratch=tmp_path / "scratch", project=project, draw=(count, 1)
        )
        return {mutant.name: mutant.fate for mutant in found if mutant.fate is not Fate.NOT_RUN}

    three, two = drawn(3), drawn(2)
    assert (len(three), len(two)) == (3, 2)
    # What was tried of the third is not known any more.
    assert two.items() < three.items()


def test_a_drawn_mutant_is_told_as_one_of_some():
    found = [Mutant("rest", "0 ⇒ 1", Fate.KILLED), Mutant("rest", "1 ⇒ 2", Fate.NOT_RUN)]

    assert command.unexpected(found, {"rest: 1 ⇒ 2"}, drawn=True) == []
    assert command.told("trading/rules.py", found) == "trading/rules.py: 1 of 2 mutants, 1 killed, 0 survived"
    assert tried({**command.counts(found), "seed": 7}) == "1 of 2, drawn with seed 7"


def test_an_explanation_of_what_does_not_survive_and_what_was_not_tried_are_told():
    found = [Mutant("rest", "0 ⇒ 1", Fate.KILLED), Mutant("rest", "1 ⇒ 2", Fate.NOT_RUN)]

    assert command.unexpected(found, {"rest: 0 ⇒ 1"}) == [
        "not run: rest: 1 ⇒ 2",
        "does not survive, and is listed: rest: 0 ⇒ 1",
    ]
    assert command.counts(found) == {"mutants": 2, "killed": 1, "survived": 0, "not_run": 1}


def test_of_a_long_statement_the_words_around_what_differs_are_told():
    long = ", ".join(f"name_{n}=value_{n}" for n in range(40))

    gone, come = shortened(f"f({long})", f"f({long.replace('=value_20', '=None')})")

    assert "name_20=value_20, name_21" in gone
    assert come == gone.replace("value_20", "None")
    assert gone[0] == gone[-1] == "…"
    assert len(gone) < 120


def test_a_decorator_does_the_same_below_its_function():
    source = (
        "class Desk:\n"
        "    @property\n"
        "    def net(self):\n"
        "        return 1\n"
        "\n"
        "    @classmethod\n"
        "    def initial(cls):\n"
        "        return cls()\n"
    )

    written = undecorated(source)

    assert "    net = (property)(net)\n" in written
    assert "    @classmethod\n" in written  # mutmut knows it.
    names: dict[str, type] = {}
    exec(written, names)  # noqa: S102 - written two lines above.
    assert names["Desk"].initial().net == 1


def test_every_target_and_every_test_of_it_is_there():
    gone = [name for target, tests in TARGETS.items() for name in (target, *tests) if not is_there(name)]

    assert gone == []


def is_there(name):
    """A file, or one test of a file."""
    path, _, test = name.partition("::")
    file = command.PROJECT / path
    return file.exists() and (not test or f"def {test}(" in file.read_text())


def test_every_explanation_is_of_a_target_and_says_why():
    assert {row.module for row in explained()} <= set(TARGETS)
    assert all(row.why.endswith(".") and row.mutants for row in explained())
    names = [(row.module, name) for row in explained() for name in row.mutants]
    assert len(names) == len(set(names))


def test_the_document_says_what_was_counted_and_explained():
    assert DOCUMENT.read_text() == document(figures(), explained()), "run python -m tests.mutations.document"
    assert set(figures()) <= set(TARGETS)
    for module, counted in figures().items():
        assert counted["survived"] == len(names_of(module, explained())), f"{module} has survivors without a sentence"


def test_only_a_module_that_is_listed_is_tried(capsys):
    with pytest.raises(SystemExit):
        command.main(["trading/nothing.py"])

    assert "expected one of trading/position/aggregate.py" in capsys.readouterr().err
