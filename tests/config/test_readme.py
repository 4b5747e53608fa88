"""README.md tells of every variable, and of none that is not there."""

import re

from config.documented import documented_variables
from tests.architecture.source import PROJECT

README = (PROJECT / "README.md").read_text()


def test_every_variable_stands_in_the_table_and_the_other_way_round():
    documented = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert sorted(documented) == sorted(variable.name for variable in documented_variables())


def test_the_defaults_in_the_table_are_the_real_ones():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \|", README, re.MULTILINE))
    words = {None: "required", "": "none"}
    for variable in documented_variables():
        expected = words.get(variable.default, f"`{variable.default}`")
        assert (variable.name, rows[variable.name]) == (variable.name, expected)


def test_every_command_stands_in_the_table_and_the_other_way_round():
    found = PROJECT.glob("*/management/commands/[a-z]*.py")
    # Two are others' own, and told of in the text; here they only say more clearly what is missing.
    commands = {file.stem for file in found} - {"runserver", "qcluster"}
    # The second of a row stands behind a comma.
    documented = re.findall(r"(?:^\| |, )`([a-z_]+)(?: [^`]*)?`", README.partition("## Commands")[2], re.MULTILINE)

    assert commands - set(documented) == set()
    told = re.findall(r"^\| `([a-z_]+)", README, re.MULTILINE)
    assert set(told) - commands - {"manage"} == set()
