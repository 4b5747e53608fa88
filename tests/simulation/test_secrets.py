"""Secrets: after a whole story with every fault, each cell of the database and each line of the log is searched."""

import base64
import logging

import pytest

from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from config.venues.keys import ALPACA_KEY, ALPACA_SECRET, SCHWAB_APP_KEY, SCHWAB_APP_SECRET
from tests.simulation.play import play
from tests.simulation.schedules import draw
from tests.simulation.stage import Stage
from tests.simulation.story import BrokerName
from tests.support.logins import every_cell

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SEEDS = (3, 11)
# What the venue names its tokens and codes by, so that whatever one of them is, it is found.
GIVEN_BY_SCHWAB = ("venue-access-", "venue-refresh-", "venue-code-", "venue-id-")
SECRETS = {
    BrokerName.ALPACA: (ALPACA_KEY, ALPACA_SECRET),
    BrokerName.SCHWAB: (
        SCHWAB_APP_SECRET,
        base64.b64encode(f"{SCHWAB_APP_KEY}:{SCHWAB_APP_SECRET}".encode()).decode(),
        "5e" * 32,
        *GIVEN_BY_SCHWAB,
    ),
}


@pytest.fixture
def stage():
    return Stage()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("broker", BrokerName)
def test_no_secret_is_in_a_row_or_a_payload_or_the_log_of_a_story_with_every_fault(broker, seed, stage, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    told = []

    outcome = play(draw(seed, broker), stage, told.append, PayloadRecorder(Redaction(())))

    assert outcome.violations == []
    assert sum(outcome.faults.values()) > 0
    calls = ApiCallLog.objects.count()
    assert calls > 20
    assert ApiPayload.objects.count() > calls
    places = {"cell": list(every_cell()), "log": [caplog.text, *capfd.readouterr()], "story": told}
    assert len(places["cell"]) > 1000
    assert len(caplog.text) > 1000
    for secret in SECRETS[broker]:
        for hidden in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
            assert [(place, text) for place, texts in places.items() for text in texts if hidden in text] == []


def test_the_search_finds_what_is_kept_without_being_taken_out(stage, monkeypatch):
    """The way to see that the test above can fail."""
    monkeypatch.setattr(Redaction, "headers", lambda self, headers: list(headers))

    play(draw(SEEDS[0], BrokerName.SCHWAB), stage, keeper=PayloadRecorder(Redaction(())))

    assert any("venue-access-" in cell for cell in every_cell())
