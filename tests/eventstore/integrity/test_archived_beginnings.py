"""Streams whose beginnings are archived: the timeline, the API and time travel tell of them as they did before."""

from datetime import timedelta

import pytest
from django.urls import reverse

from eventstore.history import CannotReplay, NoSuchState, state_at, timeline, version_at
from eventstore.integrity.archives import _contents
from eventstore.integrity.archiving import archive, remove
from eventstore.integrity.sealing import seal_next
from eventstore.models import StoredEvent
from eventstore.store import append
from tests.eventstore.samples import AT, deposits

pytestmark = pytest.mark.django_db

ALL = 10**9
SECOND = timedelta(seconds=1)
EVENTS = "/api/v1/streams/Account/A/events/"
STATE = "/api/v1/streams/Account/A/state/"


def looked_at(client):
    """Everything that can be asked about a stream of six events."""
    return {
        "versions": [state_at("Account", "A", version=version) for version in range(1, 7)],
        "times": [state_at("Account", "A", at=AT + n * SECOND / 2) for n in range(12)],
        "versions at": [version_at("Account", "A", AT + n * SECOND) for n in range(-1, 7)],
        "timeline": timeline("Account", "A"),
        "events": client.get(EVENTS).json(),
        "some events": client.get(EVENTS, {"after": 1, "limit": 2}).json(),
        "states": [client.get(STATE, {"version": version}).json() for version in range(1, 7)],
    }


@pytest.fixture
def before(admin_client, settings, tmp_path):
    """What could be asked before all but the newest event were archived."""
    settings.ARCHIVE_FOLDER = tmp_path
    for version in range(1, 7):
        append(deposits("A", version), at=AT + (version - 1) * SECOND)
    seal_next(now=AT)
    before = looked_at(admin_client)
    list(archive(up_to=ALL, folder=tmp_path, at=AT))
    list(remove(up_to=ALL, actor="anna", at=AT))
    assert [event.version for event in StoredEvent.objects.all()] == [6]
    return before


@pytest.fixture
def no_file(before, tmp_path):
    for path in tmp_path.glob("*.gz"):
        path.unlink()
    _contents.cache_clear()


def test_all_is_told_as_before(before, admin_client):
    assert looked_at(admin_client) == before
    assert len(before["events"]["events"]) == 6
    with pytest.raises(NoSuchState, match="versions from 1 to 6, not 7"):
        state_at("Account", "A", version=7)
    with pytest.raises(NoSuchState, match="had no event yet"):
        state_at("Account", "A", at=AT - SECOND)


@pytest.mark.usefixtures("before")
def test_the_timelines_page_says_what_is_archived(admin_client):
    answer = admin_client.get(reverse("admin:eventstore_storedevent_timeline", args=["Account", "A"]))

    rows = [row[0] for row in answer.context["table"]["rows"]]
    assert ["in an archive" in row for row in rows] == [True] * 5 + [False]
    assert ["<a " in row for row in rows] == [False] * 5 + [True]


@pytest.mark.usefixtures("no_file")
def test_a_file_that_is_gone_is_named(admin_client):
    for ask in (
        lambda: state_at("Account", "A", version=2),
        lambda: state_at("Account", "A", at=AT),
        lambda: timeline("Account", "A"),
    ):
        with pytest.raises(CannotReplay, match="found no file: put it back"):
            ask()
    for path in (EVENTS, f"{STATE}?version=2"):
        answer = admin_client.get(path)
        assert answer.status_code == 500
        assert "found no file: put it back" in answer.json()["detail"]
    page = reverse("admin:eventstore_storedevent_timeline", args=["Account", "A"])
    for query in ({}, {"at": AT.isoformat()}):
        assert "found no file: put it back" in admin_client.get(page, query).content.decode()
