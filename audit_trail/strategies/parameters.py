"""Parameters: what strategies and limits are set by, from one file, for one environment. Nothing has a default here.

The file's `[default]` holds everything; `[paper]`, `[live]`, `[development]` and `[test]` say what differs there. All
of them are checked whenever one is read, so that a mistake in `[live]` is found on paper.
"""

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from audit_trail.strategies.strategy import Registry, Strategy, StrategyParameters
from trading.values.arithmetic import ZERO, plain, subtract, total
from trading.values.outside import number
from trading.values.quantities import NotANumber

ONE = Decimal(1)
WEIGHT_TOLERANCE = Decimal("0.01")
FEWEST_BAR_DAYS = 30
DEFAULT = "default"
_NUMBER = re.compile(r"[+-]?[0-9][0-9_]*(\.[0-9]*)?([eE][+-]?[0-9]+)?")


class BadParameters(ValueError):
    """The file can't be used. Mend it where the message says; nothing was decided."""


class Environment(StrEnum):
    """Where is traded. Only `live` trades with real money."""

    PAPER = "paper"
    LIVE = "live"
    DEVELOPMENT = "development"
    TEST = "test"


class Merging(StrEnum):
    """How what several strategies say of one symbol becomes one position."""

    NET = "net"
    """Scores are averaged by weight, and the average is sized on all the equity: alone, a strategy counts in full."""

    ADDITIVE = "additive"
    """Each strategy sizes its own on its weight of the equity, and the values are added, opposite ones taken off."""

    MAX = "max"
    """Likewise, and the largest value is taken, with its sign."""

    AVERAGE = "average"
    """Likewise, and the mean of the values is taken."""


class OnEmpty(StrEnum):
    """What is done when complete and fresh data call for no position at all."""

    LIQUIDATE = "liquidate"
    KEEP = "keep"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    def _expect(self, holds: bool, name: str, expected: str) -> None:
        found = getattr(self, name)
        if not holds:
            raise ValueError(f"expected {name} {expected}, was {plain(found) if isinstance(found, Decimal) else found}")


class Limits(_Section, frozen=True):
    """What no position, and not all of them together, may go beyond."""

    max_position_pct: Decimal
    """The most of the equity that one position may be worth, as a fraction: 0.15."""

    cash_buffer_pct: Decimal
    """What stays cash: long and short positions together are worth at most the rest."""

    min_position_value_usd: Decimal
    """A smaller position is not worth having."""

    enable_shorts: bool

    def __post_init__(self) -> None:
        self._expect(ZERO < self.max_position_pct <= ONE, "max_position_pct", "above 0, to 1")
        self._expect(ZERO <= self.cash_buffer_pct < ONE, "cash_buffer_pct", "from 0, below 1")
        self._expect(self.min_position_value_usd >= ZERO, "min_position_value_usd", "from 0")


class Sizing(_Section, frozen=True):
    """How large a position is made."""

    target_risk_pct: Decimal
    """What a move of one average true range against a position of full conviction costs, as a fraction of equity."""

    fallback_atr_pct: Decimal
    """What is taken for the average true range where there are too few bars, as a fraction of the price."""

    bars_days: int
    """How many calendar days of bars are looked at; fifteen sessions must lie in them."""

    max_price_age_days: int
    """A price that is older is none."""

    def __post_init__(self) -> None:
        self._expect(ZERO < self.target_risk_pct <= ONE, "target_risk_pct", "above 0, to 1")
        self._expect(ZERO < self.fallback_atr_pct <= ONE, "fallback_atr_pct", "above 0, to 1")
        self._expect(self.bars_days >= FEWEST_BAR_DAYS, "bars_days", f"of {FEWEST_BAR_DAYS} or more")
        self._expect(self.max_price_age_days >= 1, "max_price_age_days", "of 1 or more")


class Safety(_Section, frozen=True):
    """When nothing is decided at all."""

    max_data_age_hours: int
    """A source whose last run ended longer ago is stale."""

    max_account_age_minutes: int
    """What the broker said of the account longer ago is not relied on."""

    on_empty_target: OnEmpty

    mostly_dropped_pct: Decimal
    """A plan that leaves out more of what was signalled says so, as a fraction of it."""

    def __post_init__(self) -> None:
        self._expect(self.max_data_age_hours >= 1, "max_data_age_hours", "of 1 or more")
        self._expect(self.max_account_age_minutes >= 1, "max_account_age_minutes", "of 1 or more")
        self._expect(ZERO <= self.mostly_dropped_pct <= ONE, "mostly_dropped_pct", "from 0 to 1")


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy: whether it is asked, how much it counts, and what it is set by."""

    enabled: bool
    weight: Decimal
    params: StrategyParameters


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is set, for one environment."""

    environment: Environment
    merge_strategy: Merging
    limits: Limits
    sizing: Sizing
    safety: Safety
    strategies: Mapping[str, StrategySettings]

    @property
    def weights(self) -> dict[str, Decimal]:
        """The weights of the strategies that are asked, by name."""
        return {name: one.weight for name, one in sorted(self.strategies.items()) if one.enabled}

    @property
    def unallocated_pct(self) -> Decimal:
        """The part of the equity that no strategy has."""
        return subtract(ONE, total([*self.weights.values()]))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be meant, and is worth a look."""
        if self.unallocated_pct <= WEIGHT_TOLERANCE:
            return ()
        weights = ", ".join(f"{name} {plain(weight)}" for name, weight in self.weights.items())
        return (f"the weights of what is enabled ({weights}) leave {plain(self.unallocated_pct)} of the equity unused",)


def load(path: Path, *, environment: Environment, registry: Registry) -> Parameters:
    """Read the file, check it for every environment, and return what holds in one. Raises BadParameters."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameters(f"expected the strategies' parameters in {path}, and can't read it: {error}") from error
    return parse(text, environment=environment, registry=registry, name=path.name)


def parse(text: str, *, environment: Environment, registry: Registry, name: str = "the parameters") -> Parameters:
    """Read parameters as TOML, check them for every environment, and return those of one. Raises BadParameters."""
    try:
        tables = tomllib.loads(text, parse_float=_exact)
    except RecursionError:
        raise BadParameters(f"{name}: it is nested too deeply") from None
    except ValueError as error:  # Of numbers too: one of five thousand digits is none.
        raise BadParameters(f"{name}: {error}") from error
    expected = [DEFAULT, *Environment]
    if sorted(tables) != sorted(expected):
        raise BadParameters(f"{name}: expected the tables {', '.join(expected)}, found {', '.join(tables) or 'none'}")
    return {each: _of_environment(each, tables, registry, name) for each in Environment}[environment]


def _exact(text: str) -> Decimal:
    if text.lstrip("+-") in ("nan", "inf"):
        raise BadParameters(f"expected numbers that are finite, found {text}")
    try:
        return number(text.replace("_", ""))
    except NotANumber as error:
        raise BadParameters(str(error)) from None


class _Strategy(_Section, frozen=True):
    enabled: bool
    weight: Decimal
    params: dict[str, Any]

    def __post_init__(self) -> None:
        self._expect(ZERO <= self.weight <= ONE, "weight", "from 0 to 1")
        if self.enabled and self.weight == ZERO:
            raise ValueError(
                "expected a weight above 0 for what is enabled, was 0; to leave it out set enabled = false"
            )


class _Tables(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    merge_strategy: Merging
    limits: Limits
    sizing: Sizing
    safety: Safety
    strategies: dict[str, dict[str, Any]]


def _of_environment(environment: Environment, tables: dict[str, Any], registry: Registry, name: str) -> Parameters:
    where = f"{name}, for {environment}"
    for table in (DEFAULT, environment):
        if not isinstance(tables[table], dict):
            raise BadParameters(f"{where}: expected [{table}] as a table, was {str(tables[table])[:80]}")
    merged = _merge(tables[DEFAULT], tables[environment], where)
    _refuse_quoted_numbers(merged, where)
    read = _convert(merged, _Tables, where)
    names = [strategy.name for strategy in registry]
    if sorted(read.strategies) != sorted(names):
        raise BadParameters(
            f"{where}: expected a table for each strategy of the registry ({', '.join(names)}), "
            f"found {', '.join(sorted(read.strategies)) or 'none'}"
        )
    parameters = Parameters(
        environment=environment,
        merge_strategy=read.merge_strategy,
        limits=read.limits,
        sizing=read.sizing,
        safety=read.safety,
        strategies={strategy.name: _settings(strategy, read.strategies[strategy.name], where) for strategy in registry},
    )
    _check_whole(parameters, where)
    return parameters


def _settings(strategy: Strategy, table: dict[str, Any], where: str) -> StrategySettings:
    where = f"{where}, strategies.{strategy.name}"
    read = _convert(table, _Strategy, where)
    params = _convert(read.params, strategy.parameters, f"{where}.params")
    return StrategySettings(enabled=read.enabled, weight=read.weight, params=params)


def _check_whole(parameters: Parameters, where: str) -> None:
    if not parameters.weights:
        raise BadParameters(f"{where}: expected at least one strategy that is enabled, found none")
    if parameters.unallocated_pct < ZERO:
        weights = ", ".join(f"{name} {plain(weight)}" for name, weight in parameters.weights.items())
        raise BadParameters(f"{where}: expected weights of at most 1 together, found {weights}")
    if parameters.environment is Environment.LIVE and parameters.safety.on_empty_target is not OnEmpty.KEEP:
        raise BadParameters(f'{where}: expected on_empty_target = "keep", found "{parameters.safety.on_empty_target}"')


def _merge(default: Any, own: Any, where: str) -> dict[str, Any]:
    """Lay an environment's tables over the default ones, table by table; a list or a value replaces the other whole."""
    merged = dict(default)
    for key, value in own.items():
        if isinstance(value, dict) is not isinstance(default.get(key, value), dict):
            raise BadParameters(f"{where}: expected {key!r} to be a table in both places or in none")
        merged[key] = _merge(default.get(key, {}), value, where) if isinstance(value, dict) else value
    return merged


def _refuse_quoted_numbers(value: Any, where: str, path: str = "$") -> None:
    """A number in quotation marks would be read as a number, and may have been meant as one or not."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_quoted_numbers(inner, where, f"{path}.{key}")
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        raise BadParameters(f"{where}: expected a number without quotation marks at {path}, was {value!r}")


def _convert(tables: Any, kind: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(tables, kind)
    except msgspec.ValidationError as error:
        raise BadParameters(f"{where}: {error}. Every parameter stands in the file, once, and nothing else") from error
