"""The environment is read strictly, and what is wrong is said in a way that can be acted on."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from config import environment, timing_environment
from config.environment import Cutoff, SettingError
from tests.architecture.source import PROJECT

OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
COMPLETE = {
    "RPC_URL": "https://node.example.com/v2/a-long-key-of-ours",
    "ORDERBOOK_ADDRESS": "0xd2938e7c9fe3597f78832ce780feb61945c377d7",
    "ORDER_OWNER": OWNER,
    "DEPLOYMENT_BLOCK": "24000000",
}


def test_a_complete_environment_is_read_and_addresses_become_lower_case():
    settings = environment.hedge_settings(COMPLETE)

    assert settings.rpc_url == COMPLETE["RPC_URL"]
    assert settings.orderbook == COMPLETE["ORDERBOOK_ADDRESS"]
    assert settings.owner == OWNER.lower()
    assert settings.deployment_block == 24000000
    assert settings.usdc == "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
    assert settings.pyth == "0x8250f4af4b972684f7b336503e2d6dfedeb1487a"
    assert settings.cutoff == Cutoff("latest", 0)


@pytest.mark.parametrize("name", list(COMPLETE))
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named_with_what_is_expected_and_an_example(name, value):
    with pytest.raises(SettingError) as raised:
        environment.hedge_settings({**COMPLETE, name: value} if value is not None else without(name))

    assert str(raised.value).startswith(f"{name} is not set. Expected ")
    assert f"for example {name}=" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RPC_URL", "ftp://node.example.com"),
        ("RPC_URL", "node.example.com"),
        ("RPC_URL", "https://"),
        ("RPC_URL", "https://node.example.com:port"),
        ("RPC_URL", "https://node.example.com /"),
        ("ORDERBOOK_ADDRESS", "0x1234"),
        ("ORDERBOOK_ADDRESS", "d2938e7c9fe3597f78832ce780feb61945c377d7"),
        ("ORDERBOOK_ADDRESS", "0xd2938e7c9fe3597f78832ce780feb61945c377d7\u0661"),
        # The last digit of the checksummed address in other case.
        ("ORDER_OWNER", OWNER[:-2] + "c8"),
        ("DEPLOYMENT_BLOCK", "-1"),
        ("DEPLOYMENT_BLOCK", "0x10"),
        ("DEPLOYMENT_BLOCK", "1_000"),
        ("DEPLOYMENT_BLOCK", "\u0661"),
        ("CHAIN_CUTOFF", "latest-30"),
        ("CHAIN_CUTOFF", "safe-30s"),
        ("CHAIN_CUTOFF", "pending"),
        ("CHAIN_CUTOFF", "12345"),
    ],
)
def test_a_malformed_variable_is_named_with_what_was_found(name, value):
    with pytest.raises(SettingError) as raised:
        environment.hedge_settings({**COMPLETE, name: value})

    assert str(raised.value).startswith(f"{name} is not valid: expected ")
    assert (f"found {value!r}" in str(raised.value)) == (name != "RPC_URL")


def test_a_mistyped_digit_of_a_checksummed_address_is_said_to_be_one():
    with pytest.raises(SettingError, match="checksum is wrong"):
        environment.hedge_settings({**COMPLETE, "ORDER_OWNER": OWNER[:-2] + "c8"})


@pytest.mark.parametrize(
    ("text", "cutoff"),
    [
        ("latest", Cutoff("latest")),
        ("latest-30s", Cutoff("latest", 30)),
        ("safe", Cutoff("safe")),
        ("finalized", Cutoff("finalized")),
    ],
)
def test_cutoffs(text, cutoff):
    assert environment.hedge_settings({**COMPLETE, "CHAIN_CUTOFF": text}).cutoff == cutoff


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_nodes_are_reached_over_http_and_websockets(scheme):
    url = f"{scheme}://127.0.0.1:8545"
    assert environment.hedge_settings({**COMPLETE, "RPC_URL": url}).rpc_url == url


def test_a_key_in_the_url_of_a_node_is_in_no_repr_and_no_message():
    assert "a-long-key-of-ours" not in repr(environment.hedge_settings(COMPLETE))
    with pytest.raises(SettingError) as raised:
        environment.hedge_settings({**COMPLETE, "RPC_URL": "htps://node.example.com/v2/a-long-key-of-ours"})
    assert "a-long-key-of-ours" not in str(raised.value)
    assert "'htps'" in str(raised.value)


def test_exposure_may_be_five_minutes_old_unless_told_otherwise():
    assert timing_environment.exposure_seconds({}) == (300, 900)
    assert timing_environment.exposure_seconds({"EXPOSURE_SECONDS": "1", "BEFORE_CLOSE_SECONDS": "0"}) == (1, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXPOSURE_SECONDS", "0"),
        ("EXPOSURE_SECONDS", "86401"),
        ("EXPOSURE_SECONDS", "1.5"),
        ("BEFORE_CLOSE_SECONDS", "-1"),
        ("BEFORE_CLOSE_SECONDS", "86401"),
        ("BEFORE_CLOSE_SECONDS", "15 minutes"),
    ],
)
def test_seconds_that_make_no_sense_are_refused(name, value):
    with pytest.raises(SettingError, match=f"^{name} is not valid: expected whole seconds, from .*found '{value}'"):
        timing_environment.exposure_seconds({name: value})


def test_the_dry_run_fills_after_two_seconds_unless_told_otherwise():
    settings = environment.broker_settings({"BROKER": "dry_run"})

    assert settings.broker == "dry_run"
    assert settings.dry_run.fill_seconds == Decimal("2")
    assert settings.dry_run.latency_seconds == Decimal("0")
    assert settings.dry_run.behaviour_of("AAPL") == "fill"


@pytest.mark.parametrize(
    ("text", "aapl", "tsla"),
    [
        ("reject", "reject", "reject"),
        ("fill,TSLA=reject", "fill", "reject"),
        ("TSLA=slow", "fill", "slow"),
        ("partial, TSLA=fill, AAPL=timeout_after_accept", "timeout_after_accept", "fill"),
    ],
)
def test_symbols_may_behave_otherwise_in_the_dry_run(text, aapl, tsla):
    dry_run = environment.broker_settings({"BROKER": "dry_run", "DRY_RUN_BEHAVIOUR": text}).dry_run
    assert (dry_run.behaviour_of("AAPL"), dry_run.behaviour_of("TSLA")) == (aapl, tsla)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER", "robinhood"),
        ("BROKER", "Alpaca"),
        ("DRY_RUN_FILL_SECONDS", "soon"),
        ("DRY_RUN_FILL_SECONDS", "-1"),
        ("DRY_RUN_LATENCY_SECONDS", "NaN"),
        ("DRY_RUN_LATENCY_SECONDS", "Infinity"),
        ("DRY_RUN_BEHAVIOUR", "explode"),
        ("DRY_RUN_BEHAVIOUR", "fill,reject"),
        ("DRY_RUN_BEHAVIOUR", "fill,"),
        ("DRY_RUN_BEHAVIOUR", "fill,tsla=reject"),
        ("DRY_RUN_BEHAVIOUR", "fill,TSLA=reject,TSLA=slow"),
        ("DRY_RUN_BEHAVIOUR", "fill,TSLA="),
    ],
)
def test_malformed_variables_of_the_broker(name, value):
    with pytest.raises(SettingError, match=f"^{name} is not valid"):
        environment.broker_settings({"BROKER": "dry_run", name: value})


def test_the_ledger_writes_both_memories_unless_told_otherwise():
    settings = environment.ledger_settings({})
    assert (settings.mode, settings.legacy_projection, settings.threshold) == ("dual", True, "1 share")


@pytest.mark.parametrize("threshold", ["1 share", "2.5 shares", "0.000001 shares", "$100", "$99.95"])
def test_thresholds(threshold):
    assert environment.ledger_settings({"HEDGE_THRESHOLD": threshold}).threshold == threshold


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEDGER", "both"),
        ("LEGACY_PROJECTION", "maybe"),
        ("HEDGE_THRESHOLD", "1"),
        ("HEDGE_THRESHOLD", "0 shares"),
        ("HEDGE_THRESHOLD", "$0.00"),
        ("HEDGE_THRESHOLD", "-1 share"),
        ("HEDGE_THRESHOLD", "$1,000"),
        ("HEDGE_THRESHOLD", "1e3 shares"),
        ("HEDGE_THRESHOLD", "100 USD"),
    ],
)
def test_malformed_variables_of_the_ledger(name, value):
    with pytest.raises(SettingError, match=f"^{name} is not valid"):
        environment.ledger_settings({name: value})


def test_every_default_and_every_example_is_valid():
    examples = {variable.name: variable.example.partition("=")[2].strip("'") for variable in environment.VARIABLES}
    defaults = {variable.name: variable.default for variable in environment.VARIABLES if variable.default is not None}
    for environ in (examples, {**examples, **defaults}):
        environment.hedge_settings(environ)
        environment.broker_settings(environ)
        environment.ledger_settings(environ)
        environment.database(PROJECT, environ)
        environment.allowed_hosts(environ)
        environment.debug(environ)
        environment.log_level(environ)


def test_manage_py_says_what_is_wrong_in_one_line_and_ends_with_2():
    done = manage("check", DATABASE_URL="mysql://user:hunter2@db.example.com/hedge")

    assert done.returncode == 2
    assert done.stderr.startswith("manage.py check: DATABASE_URL is not valid: expected sqlite:///")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("command", ["runserver", "qcluster"])
def test_what_needs_a_secret_key_stops_and_says_how_to_make_one(command):
    done = manage(command, SECRET_KEY="")

    assert done.returncode == 2
    assert done.stderr.startswith(f"manage.py {command}: SECRET_KEY is not set. Expected a long random text")
    assert "secrets.token_urlsafe" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_web_server_does_not_start_without_a_secret_key():
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=PROJECT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "SettingError: SECRET_KEY is not set." in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["migrate"]])
def test_looking_around_needs_nothing_in_the_environment(arguments, tmp_path):
    done = manage(*arguments, DATABASE_URL=f"sqlite:///{tmp_path}/looked.sqlite3")
    assert done.returncode == 0, done.stderr


def manage(*arguments, **environ):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={"PATH": "", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def without(name):
    return {key: value for key, value in COMPLETE.items() if key != name}


@pytest.mark.parametrize("variable", [environment.SEAL_FOLDER, environment.ARCHIVE_FOLDER])
def test_a_folder_is_named_in_full_or_not_at_all(variable):
    assert environment.folder(variable, {}) is None
    assert environment.folder(variable, {variable.name: "/srv/a folder"}) == Path("/srv/a folder")
    with pytest.raises(SettingError, match=r"found 'seals' \(it does not begin with a slash"):
        environment.folder(variable, {variable.name: "seals"})


def test_what_is_no_text_is_no_setting():
    with pytest.raises(SettingError, match=r"ALLOWED_HOSTS is not valid.*found '\\udcff'"):
        environment.allowed_hosts({"ALLOWED_HOSTS": "\udcff"})
