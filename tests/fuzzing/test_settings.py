"""What an operator sets, whatever it is: settings, or an error that says what was expected."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from audit_trail.strategies.parameters import BadParameters, Environment, load, parse
from audit_trail.strategies.registry import REGISTRY
from config import (
    alert_environment,
    api_environment,
    broker_environment,
    decision_environment,
    environment,
    schwab_environment,
    source_environment,
    timing_environment,
    web_environment,
)
from config.documented import documented_variables
from config.environment import SettingError
from tests.architecture.source import PROJECT
from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import NUMBERS, TEXTS
from trading.values.thresholds import threshold

COMPLETE = {variable.name: variable.example.partition("=")[2].strip("'\"") for variable in documented_variables()} | {
    "ALPACA_API_KEY": "PK0123456789",
    "ALPACA_API_SECRET": "secret-of-nobody",
    "SCHWAB_APP_KEY": "key-of-nobody",
    "SCHWAB_APP_SECRET": "secret-of-nobody",
    "QUIVER_API_TOKEN": "token-of-nobody",
    "METRICS_TOKEN": "token-of-nobody-at-all",
    "TOKEN_ENCRYPTION_KEYS": "ab" * 32,
    "ALERT_URLS": "json://127.0.0.1:9/nobody critical=json://127.0.0.1:9/somebody",
}
READERS = {
    "debug": environment.debug,
    "secret key": environment.secret_key,
    "hosts": environment.allowed_hosts,
    "log level": environment.log_level,
    "database": lambda environ: environment.database(Path("/nowhere"), environ),
    "partitions": environment.event_partitions,
    "disk": environment.least_free_disk,
    "seals": lambda environ: str(environment.folder(environment.SEAL_FOLDER, environ)),
    "hedge": environment.hedge_settings,
    "broker": environment.broker_settings,
    "ledger": lambda environ: threshold(environment.ledger_settings(environ).threshold),
    "mode": broker_environment.trading_mode,
    "alpaca": broker_environment.alpaca_settings,
    "schwab": schwab_environment.schwab_settings,
    "account": schwab_environment.schwab_account,
    "keys": schwab_environment.token_keys,
    "older key": schwab_environment.older_key,
    "quiver": source_environment.quiver_settings,
    "bars": source_environment.bars_settings,
    "audit": decision_environment.uses_audit_trail,
    "daily": decision_environment.trades_daily,
    "polling": timing_environment.polling,
    "exposure": timing_environment.exposure_seconds,
    "alerts": alert_environment.alert_settings,
    "requests": api_environment.api_requests_per_minute,
    "https": lambda environ: web_environment.https(["here"], environ),
    "proxies": web_environment.proxies,
    "metrics": web_environment.metrics_token,
    "checkpoint": web_environment.checkpoint_seconds,
}
PIECES = (
    *(text for text in TEXTS if "\0" not in text), *NUMBERS, "://", "http://", "https://", "postgres://", "sqlite:///",
    "[", "]", ":", "@", "?", "%", "%zz",
    "#", ",", "=", " ", "/", "localhost", "127.0.0.1", ":99999", ":٣", "$", "shares", "1 share", "s", "-", "latest-",
    "22:00",
    "25:61", "Europe/Berlin", "../../etc/passwd", "critical=", "json://", "mailto://", "\udcff", "؛", "%", "100%",
)  # fmt: skip


@st.composite
def texts(draw, right):
    """The right text, with pieces of it replaced; or another one altogether."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(PIECES) | st.text().filter(lambda text: "\0" not in text))
    for _ in range(draw(st.integers(1, 3))):
        at, end = sorted(draw(st.tuples(st.integers(0, len(right)), st.integers(0, len(right)))))
        right = right[:at] + draw(st.sampled_from(PIECES)) + right[max(end, at) if draw(st.booleans()) else at :]
    return right


@fuzzed(600)
@given(data=st.data(), reader=st.sampled_from(sorted(READERS)))
def test_whatever_the_environment_says_it_is_settings_or_a_setting_error(data, reader):
    asked = Asked(COMPLETE)
    READERS[reader](asked)
    name = data.draw(st.sampled_from(sorted(asked.names)))

    ends_well(lambda: READERS[reader]({**COMPLETE, name: data.draw(texts(COMPLETE[name]))}), SettingError)


class Asked(dict):
    """An environment that notes which variables are read."""

    def __init__(self, known):
        super().__init__(known)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


# The file of strategies.

FILE = (PROJECT / "config" / "strategies.toml").read_text()
LINES = [line for line in FILE.splitlines() if line and not line.startswith("#")]
VALUES = (
    *NUMBERS, "true", "false", '""', '"net"', "[]", "{}", '{a = 1}', "[1, 'a']", "inf", "nan", "-inf", "1e5",
    "2026-03-02",
    "2026-03-02T00:00:00Z", "25:00:00", '"\\ud800"', '"\\u0000"', "'" + "x" * 5_000 + "'", "0.5", "1_000", "0x1F",
    "[" * 1_500 + "]" * 1_500,
    "{a=" * 500 + "1" + "}" * 500, "-1", "[[1]]", '"a"', "''",
)  # fmt: skip


@st.composite
def files(draw):
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("value", "value", "drop", "double", "swap", "table", "odd"))):
            case "value" if "=" in lines[at]:
                lines[at] = f"{lines[at].partition('=')[0]}= {draw(st.sampled_from(VALUES))}"
            case "drop":
                del lines[at]
            case "double":
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case "swap":
                there = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[there] = lines[there], lines[at]
            case "table":
                lines[0:0] = [
                    f"{draw(st.sampled_from(('default', 'paper', 'live', 'x')))} = {draw(st.sampled_from(VALUES))}"
                ]
                lines[1:] = [line for line in lines[1:] if draw(st.integers(0, 9)) > 0]
            case _:
                lines.insert(at, draw(st.sampled_from(TEXTS) | st.text()))
        lines = lines or [""]
    return "\n".join(lines)


@fuzzed(400)
@given(text=files(), which=st.sampled_from(list(Environment)))
def test_whatever_the_file_of_strategies_says_it_is_parameters_or_bad(text, which):
    ends_well(lambda: parse(text, environment=which, registry=REGISTRY), BadParameters)


@fuzzed(60)
@given(data=st.binary(max_size=200), after=st.booleans())
def test_whatever_bytes_the_file_of_strategies_has_it_is_parameters_or_bad(tmp_path_factory, data, after):
    path = tmp_path_factory.mktemp("strategies") / "strategies.toml"
    path.write_bytes(FILE.encode() + data if after else data)

    ends_well(lambda: load(path, environment=Environment.PAPER, registry=REGISTRY), BadParameters)
    path.unlink()


def test_the_file_that_is_changed_is_a_right_one():
    assert set(tomllib.loads(FILE)) == {"default", *Environment}
    assert parse("\n".join(LINES), environment=Environment.PAPER, registry=REGISTRY)
