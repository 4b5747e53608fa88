"""The documents name commands and options that are there."""

import re

import pytest
from django.core.management import get_commands, load_command_class

from tests.architecture.source import PROJECT

DOCUMENTS = [
    "README.md",
    "docs/operations.md",
    "docs/flows.md",
    "docs/payloads.md",
    "docs/audit_trail_queries.md",
    "docs/reports.md",
    "docs/alerts.md",
    *(f"docs/operations/{page}.md" for page in ("backups", "cut_over", "installing", "upgrades")),
]
MENTIONED = re.compile(r"manage\.py ([a-z_]+)((?: --[a-z-]+)*)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_is_mentioned_is_there_with_its_options(document):
    mentioned = MENTIONED.findall((PROJECT / document).read_text())

    assert mentioned
    for name, options in mentioned:
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        assert set(options.split()) <= set(parser._option_string_actions), name
