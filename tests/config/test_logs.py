"""A log line can be read by a machine or a person, and holds no secret."""

import io
import json
import logging
import logging.config
import subprocess
import sys
from decimal import Decimal

import pytest
import structlog

from config import logs
from config.logs import Redactor
from tests.architecture.source import PROJECT

ENVIRON = {
    "SECRET_KEY": "the-secret-of-the-house",
    "DATABASE_URL": "postgres://hedge:p%40ssword@db.example.com/hedge",
    "RPC_URL": "https://me:hunter22@node.example.com:8443/v2/kEyKeYkEy123?apikey=QUERYKEY99",
    "ALPACA_API_KEY": "alpaca-key-4711",
    "LANG": "en_US.UTF-8",
}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("nothing to hide in en_US.UTF-8", "nothing to hide in en_US.UTF-8"),
        ("key the-secret-of-the-house!", "key ***!"),
        ("alpaca-key-4711", "***"),
        # A password is known in both its spellings.
        ("password p@ssword or p%40ssword", "password *** or ***"),
        ("postgres://hedge:p%40ssword@db.example.com/hedge", "postgres://db.example.com/hedge"),
        # Of a node, scheme and host are shown.
        (f"POST {ENVIRON['RPC_URL']} failed", "POST https://node.example.com:8443 failed"),
        # Libraries tell of parts of the URL, too.
        ("Max retries exceeded with url: /v2/kEyKeYkEy123", "Max retries exceeded with url: /v2/***"),
        ("apikey=QUERYKEY99", "apikey=***"),
        ("hunter22", "***"),
        # The user part of any URL is left out, even of one that is nowhere in the environment.
        ("GET wss://u:p@other.example.com/x", "GET wss://other.example.com/x"),
        ("mail me@example.com", "mail me@example.com"),
    ],
)
def test_secrets_are_taken_out(text, seen):
    assert Redactor(ENVIRON).text(text) == seen


def test_secrets_are_taken_out_of_whatever_is_logged_beside_the_message():
    event = {
        "event": "fetched",
        "nested": {"urls": [ENVIRON["RPC_URL"], ("hunter22",)]},
        "error": ValueError("hunter22"),
        "shares": Decimal("1.50"),
        "count": 3,
        "missing": None,
    }
    assert Redactor(ENVIRON)(None, "info", event) == {
        "event": "fetched",
        "nested": {"urls": ["https://node.example.com:8443", ["***"]]},
        "error": "ValueError('***')",
        "shares": "1.50",
        "count": 3,
        "missing": None,
    }


def test_without_secrets_nothing_changes():
    assert Redactor({"SECRET_KEY": "", "RPC_URL": "http://127.0.0.1:8545"}).text("http://127.0.0.1:8545 abc") == (
        "http://127.0.0.1:8545 abc"
    )


def test_a_line_is_json_with_the_traceback_redacted():
    line = logged(terminal=False)

    entry = json.loads(line)
    assert entry["event"] == "node unreachable"
    assert entry["level"] == "error"
    assert entry["logger"] == "trading.chain"
    assert entry["symbol"] == "AAPL"
    assert entry["at"].endswith("Z")
    assert "RuntimeError: no answer from https://node.example.com:8443" in entry["exception"]
    assert "kEyKeYkEy123" not in line


def test_a_line_on_a_terminal_is_for_reading_and_redacted_as_well():
    line = logged(terminal=True)

    assert "node unreachable" in line
    assert "AAPL" in line
    assert "RuntimeError: no answer from https://node.example.com:8443" in line
    assert "kEyKeYkEy123" not in line
    assert not line.startswith("{")


def test_what_libraries_log_comes_out_the_same_way():
    entry = json.loads(logged(terminal=False, library=True))
    assert entry["event"] == "reached https://node.example.com:8443 in 3 ms"
    assert entry["logger"] == "urllib3"


def test_a_crash_of_a_command_shows_no_secret():
    script = (
        "from config import logs; import os, django; django.setup(); logs.log_crashes();"
        "raise RuntimeError('no answer from ' + os.environ['RPC_URL'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={"PATH": "", "DJANGO_SETTINGS_MODULE": "config.settings", **ENVIRON},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no answer from https://node.example.com:8443" in json.loads(done.stderr)["exception"]
    assert "kEyKeYkEy123" not in done.stderr


def logged(*, terminal, library=False):
    """Log one line with its own handler, so that the test run's logging stays as it is."""
    before = structlog.get_config()
    try:
        settings = logs.configuration(level="INFO", environ=ENVIRON, terminal=terminal)
        formatter = settings["formatters"]["line"]
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter.pop("()")(**formatter))
        logger = logging.getLogger("urllib3" if library else "trading.chain")
        logger.addHandler(handler)
        level, propagate = logger.level, logger.propagate
        logger.setLevel("INFO")
        logger.propagate = False
        try:
            if library:
                logger.info("reached %s in %d ms", ENVIRON["RPC_URL"], 3)
            else:
                try:
                    raise RuntimeError(f"no answer from {ENVIRON['RPC_URL']}")
                except RuntimeError:
                    structlog.get_logger("trading.chain").exception("node unreachable", symbol="AAPL")
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
    finally:
        structlog.configure(**before)
    return stream.getvalue()


def test_no_line_goes_into_a_file():
    """G6-59: logs once filled the disk that the database lay on. Whoever runs us keeps as much of them as they like."""
    before = structlog.get_config()
    try:
        handlers = logs.configuration(level="INFO", environ=ENVIRON)["handlers"]
    finally:
        # Loggers that were used before hold this one, and tests that capture lines change it in place.
        structlog.configure(**before)

    assert {handler["class"] for handler in handlers.values()} == {"logging.StreamHandler", "logging.NullHandler"}
