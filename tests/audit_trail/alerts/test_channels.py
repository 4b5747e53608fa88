"""Channels over real connections on this machine: what is taken, what is refused, and that no secret is told."""

import logging
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from werkzeug import Response

from audit_trail.alerts import channels
from audit_trail.alerts.channels import Channel, NotDelivered, UnusableChannel, channel_name, without_address
from tests.support.mailbox import mailbox
from trading.values.secret import Secret

TOKEN = "kEyKeYkEy123"


def webhook(server, options=""):
    return Secret(f"json://me:hunter22@{server.host}:{server.port}/hooks/{TOKEN}{options}")


def test_a_webhook_gets_the_title_and_the_text(httpserver):
    httpserver.expect_oneshot_request(f"/hooks/{TOKEN}", method="POST").respond_with_json({})

    Channel(webhook(httpserver)).send("Hedgetrail: critical", "AAPL <halted> & more\nsecond line", is_critical=True)

    ((request, _),) = httpserver.log
    assert request.json["title"] == "Hedgetrail: critical"
    assert request.json["message"] == "AAPL <halted> & more\nsecond line"
    assert request.json["type"] == "failure"
    assert request.headers["User-Agent"] == "Hedgetrail"


@pytest.mark.parametrize("status", [302, 400, 401, 410, 429, 500, 503])
def test_what_the_service_does_not_take_is_said_with_its_status_and_no_secret(httpserver, caplog, status):
    elsewhere = httpserver.url_for("/elsewhere")
    httpserver.expect_request(f"/hooks/{TOKEN}").respond_with_response(
        Response(f"no such token: {TOKEN}", status=status, headers={"Location": elsewhere})
    )
    with caplog.at_level(logging.DEBUG), pytest.raises(NotDelivered) as error:
        Channel(webhook(httpserver, "?optional=yes&retry=3")).send("title", "text")

    assert f"error={status}" in str(error.value)
    assert TOKEN not in str(error.value)
    assert len(httpserver.log) == 1  # No second try, and nobody is followed elsewhere.


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    with pytest.raises(NotDelivered, match=r"^A Connection error occurred sending JSON notification to 127\.0\.0\.1"):
        Channel(Secret(f"json://127.0.0.1:{port}/hooks/{TOKEN}")).send("title", "text")


def test_a_service_that_trickles_holds_nobody(monkeypatch):
    monkeypatch.setattr(channels, "SENDS_WITHIN_SECONDS", 0.4)
    ends = threading.Event()

    def trickle(connection):
        connection.recv(65536)
        while not ends.wait(0.05):
            connection.sendall(b"H")

    with served(trickle) as port:
        began = time.monotonic()
        with pytest.raises(NotDelivered, match=r"no answer within 0\.4 seconds, so it may have come"):
            Channel(Secret(f"json://127.0.0.1:{port}/hooks")).send("title", "text")
        assert time.monotonic() - began < 2
        ends.set()


def test_an_e_mail_arrives():
    with mailbox() as mail:
        url = f"mailto://127.0.0.1:{mail.port}?from=hedge@example.com&to=desk@example.com&mode=insecure"
        Channel(Secret(url)).send("Hedgetrail: critical", "AAPL is halted")

    assert mail.recipients == ["desk@example.com"]
    assert "Subject: Hedgetrail: critical" in mail.text
    assert "AAPL is halted" in mail.text


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nope://example.com/x", "apprise knows no such scheme"),
        ("no address at all", "apprise knows no such scheme"),
        ("slack://only-one-part", "or a part is missing"),
        ("json://example.com/hooks", "in clear text"),
        ("mailto://me:hunter22@mail.example.com?mode=insecure", "in clear text"),
        ("syslog://", "in clear text"),
        ("jsons://example.com/hooks?verify=no", "certificates"),
        # Of files and of the machine itself nothing is asked.
        ("file:///etc/passwd", "apprise knows no such scheme"),
        ("dbus://", "apprise knows no such scheme"),
    ],
)
def test_an_address_that_would_give_something_away_is_refused(url, why):
    with pytest.raises(UnusableChannel, match=why) as error:
        Channel(Secret(url))

    assert "example.com" not in str(error.value)
    assert "hunter22" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "jsons://example.com/hooks",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "tgram://123456789:ABCdefghijklmnopqrstuvwxyz123456789/12315544",
        "mailtos://me:hunter22@mail.example.com?to=desk@example.com",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    ],
)
def test_the_usual_services_are_known_and_named_by_a_hash(url):
    channel = Channel(Secret(url))

    scheme, _, digits = channel.name.partition("-")
    assert url.startswith(f"{scheme}://")
    assert len(digits) == 8
    assert int(digits, 16) >= 0
    assert 60 <= channel.longest_body <= channels.LONGEST_BODY
    assert repr(channel) == f"Channel({channel.name})"


def test_a_name_is_the_same_each_time_and_another_for_another_address():
    urls = [Secret("jsons://example.com/a"), Secret("jsons://example.com/a"), Secret("jsons://example.com/b")]
    first, again, other = map(channel_name, urls)
    assert first == again != other


def test_what_stands_in_an_address_is_taken_out_of_a_text_in_both_its_spellings():
    url = Secret("jsons://me:p%40ssword@127.0.0.1:8443/hooks/kEyKeYkEy123?to=desk&chat=-1001234")
    text = "POST /hooks/kEyKeYkEy123 at 127.0.0.1 by p@ssword or p%40ssword to desk in -1001234: error=500"

    assert without_address(text, url) == "POST /***/*** at 127.0.0.1 by *** or *** to *** in ***: error=500"


@contextmanager
def served(answer):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)
