"""Parameters: one file, every mistake in it named, nothing filled in. Rows: Q8; B-str-1."""

from decimal import Decimal
from pathlib import Path

import pytest

from audit_trail.strategies import congressional, insider
from audit_trail.strategies.parameters import (
    BadParameters,
    Environment,
    Limits,
    Merging,
    OnEmpty,
    Safety,
    Sizing,
    load,
    parse,
)
from audit_trail.strategies.registry import REGISTRY
from tests.audit_trail.strategies import (
    test_congressional,
    test_guards,
    test_insider,
    test_limits,
    test_planning,
    test_sizing,
)
from tests.audit_trail.strategies.situations import d

FILE = Path(__file__).parents[3] / "config" / "strategies.toml"
TEXT = FILE.read_text()


def read(text: str = TEXT, environment: Environment = Environment.PAPER):
    return parse(text, environment=environment, registry=REGISTRY, name="strategies.toml")


def with_line(table: str, line: str) -> str:
    """The file with one line more in a table, in place of the line that sets the same."""
    head, _, tail = TEXT.partition(f"[{table}]\n")
    assert tail, table
    section, bracket, rest = tail.partition("\n[")
    name = line.partition("=")[0].strip()
    kept = [one for one in section.splitlines() if one.partition("=")[0].strip() != name]
    return f"{head}[{table}]\n" + "\n".join([line, *kept]) + bracket + rest


def without_line(table: str, name: str) -> str:
    return with_line(table, f"{name} = 1").replace(f"[{table}]\n{name} = 1\n", f"[{table}]\n")


@pytest.mark.parametrize("environment", Environment)
def test_the_file_of_the_project_holds_in_every_environment(environment):
    found = load(FILE, environment=environment, registry=REGISTRY)

    assert found.environment is environment
    assert found.merge_strategy is Merging.ADDITIVE
    assert found.limits.enable_shorts is False


@pytest.mark.parametrize(
    ("environment", "weights", "max_position", "min_value", "risk"),
    [
        (Environment.PAPER, {"congressional": "0.35", "insider": "0.25"}, "0.15", 500, "0.001"),
        (Environment.LIVE, {"congressional": "0.35", "insider": "0.1"}, "0.1", 10, "0.001"),
        (Environment.DEVELOPMENT, {"insider": "0.3"}, "0.2", 500, "0.001"),
        (Environment.TEST, {"congressional": "0.5"}, "0.2", 500, "0.01"),
    ],
)
def test_each_environment_has_what_it_says_over_the_default(environment, weights, max_position, min_value, risk):
    found = read(environment=environment)

    assert found.weights == {name: d(weight) for name, weight in weights.items()}
    assert found.limits.max_position_pct == d(max_position)
    assert found.limits.min_position_value_usd == d(min_value)
    assert found.sizing.target_risk_pct == d(risk)


def test_what_a_strategy_is_set_by_is_read_from_its_own_params():
    paper, live = read(), read(environment=Environment.LIVE)

    assert paper.strategies["congressional"].params.min_quality_score == d(4)
    assert live.strategies["congressional"].params.min_quality_score == d(5)
    assert paper.strategies["insider"].params.lookback_days == 30
    assert live.strategies["insider"].params.lookback_days == 90
    assert live.strategies["insider"].params.executive_only is True


def test_numbers_are_exact():
    found = read(with_line("paper.strategies.insider", "weight = 0.1234567890123456789012345"))

    assert found.weights["insider"] == Decimal("0.1234567890123456789012345")


@pytest.mark.parametrize("value", [True, False])
def test_false_is_as_good_as_true(value):
    text = with_line("paper.limits", f"enable_shorts = {str(value).lower()}")
    consensus = with_line("default.strategies.congressional.params", f"consensus = {str(value).lower()}")

    assert read(text).limits.enable_shorts is value
    assert read(consensus).strategies["congressional"].params.consensus is value


@pytest.mark.parametrize("value", ["liquidate", "keep"])
def test_what_an_empty_target_does_is_said(value):
    assert read(with_line("paper.safety", f'on_empty_target = "{value}"')).safety.on_empty_target is OnEmpty(value)


CONGRESS, INSIDER = "default.strategies.congressional", "default.strategies.insider"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Unknown, and where.
        (with_line("default.limits", "max_positon_pct = 0.1"), "unknown field `max_positon_pct`.*limits"),
        (with_line(CONGRESS, "wieght = 0.1"), "strategies.congressional: .*unknown field `wieght`"),
        (with_line(f"{CONGRESS}.params", "min_quality = 3"), "unknown field `min_quality`"),
        (TEXT + "\n[papper]\n", "expected the tables default, paper, live, development, test, found .*papper"),
        (TEXT + "\n[paper.strategies.lobbying]\nenabled = false\nweight = 0\nparams = {}\n", "registry .*lobbying"),
        # Missing, and from where: nothing is filled in.
        (without_line("default.sizing", "target_risk_pct"), "missing required field `target_risk_pct`.*sizing"),
        (without_line("default.limits", "enable_shorts"), "missing required field `enable_shorts`"),
        (without_line(INSIDER, "enabled"), "missing required field `enabled`"),
        (without_line(f"{INSIDER}.params", "executive_only"), r"insider\.params.*missing.*`executive_only`"),
        (without_line("default", "merge_strategy"), "missing required field `merge_strategy`"),
        # Of another kind.
        (with_line(f"{INSIDER}.params", "executive_only = 1"), "Expected `bool`, got `int`"),
        (with_line(f"{INSIDER}.params", 'lookback_days = "30"'), "a number without quotation marks.*lookback_days"),
        (with_line(f"{INSIDER}.params", "lookback_days = 30.5"), "Expected `int`"),
        (with_line(f"{INSIDER}.params", "lookback_days = true"), "Expected `int`, got `bool`"),
        (with_line("default.limits", 'max_position_pct = "0.15"'), "a number without quotation marks"),
        (with_line("default.limits", "max_position_pct = nan"), "finite, found nan"),
        (with_line("default.limits", "max_position_pct = inf"), "finite, found inf"),
        (with_line("default", 'merge_strategy = "sum"'), "Invalid enum value 'sum'"),
        (
            TEXT.replace("[paper.limits]\nmin_position_value_usd = 500", "[paper]\nlimits = 3"),
            "for paper: expected 'limits' to be a table in both places or in none",
        ),
        # Out of range.
        (with_line("default.limits", "max_position_pct = 0"), "max_position_pct above 0, to 1, was 0"),
        (with_line("default.limits", "max_position_pct = 15"), "max_position_pct above 0, to 1, was 15"),
        (with_line("default.limits", "cash_buffer_pct = 1"), "cash_buffer_pct from 0, below 1, was 1"),
        (with_line("default.limits", "cash_buffer_pct = -0.1"), "cash_buffer_pct"),
        (with_line("live.limits", "min_position_value_usd = -1"), "for live: .*min_position_value_usd from 0, was -1"),
        (with_line("default.sizing", "target_risk_pct = 0"), "target_risk_pct above 0"),
        (with_line("default.sizing", "fallback_atr_pct = 0"), "fallback_atr_pct above 0"),
        (with_line("default.sizing", "bars_days = 19"), "bars_days of 30 or more, was 19"),
        (with_line("default.sizing", "max_price_age_days = 0"), "max_price_age_days of 1 or more"),
        (with_line("default.safety", "max_data_age_hours = 0"), "max_data_age_hours of 1 or more"),
        (with_line("default.safety", "max_account_age_minutes = 0"), "max_account_age_minutes of 1 or more"),
        (with_line("default.safety", "mostly_dropped_pct = 1.1"), "mostly_dropped_pct from 0 to 1"),
        (with_line(f"{CONGRESS}.params", "min_quality_score = 11"), "min_quality_score from 0 to 10, was 11"),
        # Weights.
        (with_line("paper.strategies.insider", "weight = -0.1"), "expected weight from 0 to 1, was -0.1"),
        (with_line("paper.strategies.insider", "weight = 1.1"), "expected weight from 0 to 1, was 1.1"),
        (
            with_line("paper.strategies.insider", "weight = 0.66"),
            "at most 1 together, found congressional 0.35, insider",
        ),
        (with_line("paper.strategies.insider", "weight = 0"), "weight above 0 for what is enabled"),
        (with_line("test.strategies.congressional", "enabled = false"), "at least one strategy that is enabled"),
        # Live never sells everything for want of a signal, and that is found on paper.
        (with_line("default.safety", 'on_empty_target = "liquidate"'), 'for live: expected on_empty_target = "keep"'),
        # Not TOML at all.
        ("[default", "strategies.toml: "),
        ("", "found none"),
    ],
)
def test_a_mistake_is_named_with_its_place(text, message):
    with pytest.raises(BadParameters, match=message) as caught:
        read(text)

    assert "strategies.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadParameters, match=r"none\.toml"):
        load(tmp_path / "none.toml", environment=Environment.PAPER, registry=REGISTRY)


def test_weights_that_leave_equity_unused_are_warned_of():
    assert read().warnings == (
        "the weights of what is enabled (congressional 0.35, insider 0.25) leave 0.4 of the equity unused",
    )
    assert read(with_line("paper.strategies.insider", "weight = 0.645")).warnings == ()


TURNED = {
    congressional.STRATEGY.parameters: test_congressional.test_each_parameter_changes_what_is_said,
    insider.STRATEGY.parameters: test_insider.test_each_parameter_changes_what_is_said,
    Sizing: test_sizing.test_each_parameter_changes_the_sizes,
    Limits: test_limits.test_each_limit_changes_what_is_held,
}
TURNED_ONE_BY_ONE = {
    "max_data_age_hours": test_guards.test_how_old_data_may_be_is_a_parameter,
    "max_account_age_minutes": test_planning.test_how_much_may_be_dropped_and_how_old_the_account_may_be_are_parameters,
    "mostly_dropped_pct": test_planning.test_how_much_may_be_dropped_and_how_old_the_account_may_be_are_parameters,
    "on_empty_target": test_guards.test_what_an_empty_target_does,
}


def test_every_parameter_is_turned_by_a_test():
    """J18: what stood in the file was once read by nobody. Whoever adds a parameter shows what it changes."""
    assert {strategy.parameters for strategy in REGISTRY} <= set(TURNED)
    for parameters, test in TURNED.items():
        (turned,) = (mark.args[1] for mark in test.pytestmark if mark.name == "parametrize")
        assert {name for name, *_ in turned} == set(parameters.__struct_fields__), parameters
    assert set(TURNED_ONE_BY_ONE) == set(Safety.__struct_fields__)
