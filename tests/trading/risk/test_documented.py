"""docs/risk.md tells of every rule and limit, as they are."""

import re

from tests.architecture.source import PROJECT
from trading.risk.rules import DEFAULTS, LimitRule, Rule

RISK = (PROJECT / "docs" / "risk.md").read_text()
RULES, LIMITS = RISK.split("## Limits")


def test_every_rule_stands_in_the_table_in_the_gates_order_with_what_follows_from_it():
    rows = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| ([^|]*) \| ?([^|]*)\|$", RULES, re.MULTILINE)
    told = {None: "never", 1: "at once", 5: "after five"}

    assert [(name, notice, halts.strip()) for name, notice, halts in rows] == [
        (
            rule.value,
            "the switch's own" if rule is Rule.KILL_SWITCH else told[rule.times_before_a_notice],
            "yes" if rule.halts else "",
        )
        for rule in Rule
    ]


def test_every_limit_stands_in_the_table_with_its_default():
    rows = re.findall(r"^\| `([a-z_]+)` \| ([a-z0-9]+) \|", LIMITS, re.MULTILINE)
    assert rows == [(rule.value, str(DEFAULTS.get(rule, "none"))) for rule in LimitRule]
