"""The worked example of docs/strategies.md does what the page says."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from audit_trail.strategies import congressional, insider
from audit_trail.strategies.guards import RefusalKind
from audit_trail.strategies.parameters import BadParameters, Environment, Limits, Safety, Sizing, parse
from audit_trail.strategies.planning import plan
from audit_trail.strategies.plans import Plan
from audit_trail.strategies.signals import Reason
from audit_trail.strategies.strategy import Registry
from tests.audit_trail.strategies.situations import bars, d, insider_trade, situation

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "strategies.md").read_text()
FILE = (PROJECT / "config" / "strategies.toml").read_text()
MOST_LINES = 30


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def cluster() -> ModuleType:
    module = ModuleType("audit_trail.strategies.cluster")
    exec(compile(blocks("python")[0], "cluster.py", "exec"), module.__dict__)  # noqa: S102  # The page's own example.
    return module


def registry(cluster: ModuleType) -> Registry:
    names = {"cluster": cluster, "congressional": congressional, "insider": insider, "Registry": Registry}
    exec(blocks("python")[1], names)  # noqa: S102
    found = names["REGISTRY"]
    assert isinstance(found, Registry)
    return found


def test_a_strategy_of_ones_own_takes_thirty_lines():
    assert sum(bool(line.strip()) for line in blocks("python")[0].splitlines()) <= MOST_LINES


def test_the_example_decides_with_the_others_by_the_file_of_the_project(cluster):
    strategies = registry(cluster)
    given = parse(FILE + blocks("toml")[0], environment=Environment.PAPER, registry=strategies)
    three = [insider_trade("F", name, usd=1_000) for name in ("Ann", "Bob", "Cid")]
    two = [insider_trade("GM", name, usd=1_000) for name in ("Ann", "Bob")]

    found = plan(situation([*three, *two, *bars("F", 120)]), parameters=given, registry=strategies)

    assert isinstance(found, Plan)
    # A fifth of the equity at a thousandth is $20, or 8 shares that move by $2.50; of these 0.7 are 5.
    assert [(order.symbol, order.strategies, order.notional_usd) for order in found.orders] == [
        ("F", ("cluster",), d(600))
    ]
    assert set(found.orders[0].records) == {trade.ref for trade in three}
    assert {(one.symbol, one.reason) for one in found.dropped if one.strategy == "cluster"} == {
        ("GM", Reason.STRATEGY_RULE)
    }


def test_the_example_is_missed_where_it_is_not_set(cluster):
    with pytest.raises(BadParameters, match=r"expected a table for each strategy of the registry .*cluster"):
        parse(FILE, environment=Environment.PAPER, registry=registry(cluster))


def test_the_page_tells_of_every_parameter_and_refusal():
    names = [f"limits.{name}" for name in Limits.__struct_fields__]
    names += [f"sizing.{name}" for name in Sizing.__struct_fields__]
    names += [f"safety.{name}" for name in Safety.__struct_fields__]

    assert [name for name in [*names, *RefusalKind] if f"`{name}`" not in PAGE] == []
