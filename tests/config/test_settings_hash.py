"""The settings' hash: what a start of the conductor leaves in its log, so that a changed setting is seen (G6-68)."""

import pytest
from structlog.testing import capture_logs

from config.documented import documented_variables, settings_hash
from config.management.commands.conduct import tell_what_is_there
from config.wiring import wire

SET = {"BROKER": "dry_run", "ORDER_OWNER": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"}


def test_what_is_not_set_counts_with_its_default():
    assert settings_hash(SET) == settings_hash(SET | {"LEDGER": "dual"}) == settings_hash(SET | {"LEDGER": " dual "})
    assert settings_hash(SET) == settings_hash(SET | {"PATH": "/bin"})


@pytest.mark.parametrize("variable", documented_variables(), ids=lambda variable: variable.name)
def test_each_setting_changes_it_and_no_secret_goes_into_it(variable):
    some, other = SET | {variable.name: "some"}, SET | {variable.name: "other"}

    assert (settings_hash(some) == settings_hash(other)) is variable.secret


@pytest.mark.django_db
def test_it_stands_in_the_log_of_each_start(monkeypatch):
    for name, value in {
        **SET,
        "RPC_URL": "http://127.0.0.1:9",
        "ORDERBOOK_ADDRESS": "0x" + "ab" * 20,
        "DEPLOYMENT_BLOCK": "1",
    }.items():
        monkeypatch.setenv(name, value)
    wired = wire()

    with capture_logs() as logs:
        tell_what_is_there(wired)
    wired.node.close()

    assert [line["settings"] for line in logs if line["event"] == "Conducting"] == [settings_hash()]
