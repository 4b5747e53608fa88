"""Settings of production: clean by Django's own check, and closed to the network until asked."""

import os
import re
import subprocess
import sys

import pytest

from config.demo.serve import HOST as DEMO_HOST
from config.environment import SettingError
from config.venues.server import HOST as VENUE_HOST
from config.web_environment import checkpoint_seconds, https, metrics_token, proxies
from tests.architecture.source import PROJECT, files

PRODUCTION = {
    "SECRET_KEY": "k3y-0f-this-1nstallation-alone-" + "abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "hedge.example.com,127.0.0.1",
    "PROXIES": "1",
}


def python(code, **environ):
    return run_with(["-c", code], environ)


def run_with(arguments, environ):
    kept = {name: value for name, value in os.environ.items() if name not in ("DEBUG", "HTTPS", "PROXIES")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=kept | {"DJANGO_SETTINGS_MODULE": "config.settings"} | environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_deploy_check_is_clean_under_settings_of_production():
    checked = run_with(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION)

    assert checked.returncode == 0, checked.stderr
    assert "no issues (2 silenced)" in checked.stdout + checked.stderr


def test_it_tells_of_a_proxy_that_nobody_was_told_of():
    checked = run_with(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION | {"PROXIES": "0"})

    assert checked.returncode == 1
    assert "hedgetrail.W001" in checked.stderr


SHOWN = """
import django; django.setup()
from django.conf import settings as s
print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0)
print(s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.SESSION_COOKIE_AGE, s.SESSION_EXPIRE_AT_BROWSER_CLOSE)
print(s.DEBUG)
"""


def test_cookies_are_secure_where_other_machines_are_served_and_work_on_this_one_without_tls():
    assert python(SHOWN, **PRODUCTION).stdout == "True True True True\nTrue Lax 28800 True\nFalse\n"
    here = PRODUCTION | {"ALLOWED_HOSTS": "localhost,127.0.0.1"}
    assert python(SHOWN, **here).stdout == "False False False False\nTrue Lax 28800 True\nFalse\n"


@pytest.mark.parametrize(
    ("said", "hosts", "on"),
    [
        ("auto", ["localhost", "127.0.0.1"], False),
        ("", ["localhost"], False),
        ("auto", ["localhost", "hedge.example.com"], True),
        ("auto", ["*"], True),
        ("off", ["hedge.example.com"], False),
        ("on", ["localhost"], True),
    ],
)
def test_when_pages_go_over_tls_alone(said, hosts, on):
    assert https(hosts, {"HTTPS": said}) is on


@pytest.mark.parametrize(
    ("read", "name", "value"),
    [
        (lambda environ: https([], environ), "HTTPS", "maybe"),
        (proxies, "PROXIES", "-1"),
        (proxies, "PROXIES", "10"),
        (metrics_token, "METRICS_TOKEN", "hush-hush"),
        (metrics_token, "METRICS_TOKEN", "with spaces in it, and long"),
        (checkpoint_seconds, "CHECKPOINT_SECONDS", "0"),
        (checkpoint_seconds, "CHECKPOINT_SECONDS", "86401"),
    ],
)
def test_what_can_not_be_read_is_said_to_be_so_without_telling_a_secret(read, name, value):
    with pytest.raises(SettingError, match=f"{name} is not valid: expected") as error:
        read({name: value})

    assert name != "METRICS_TOKEN" or value not in str(error.value)


def test_nothing_listens_to_other_machines_until_asked():
    assert {DEMO_HOST, VENUE_HOST} == {"127.0.0.1"}
    told = [
        f"{path.relative_to(PROJECT)}"
        for path in files(PROJECT)
        if re.search(r"0\.0\.0\.0|INADDR_ANY|[\"']::[\"']|bind\(\([\"'][\"']", path.read_text())
    ]
    assert told == []
