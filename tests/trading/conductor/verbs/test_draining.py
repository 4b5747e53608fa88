"""Draining from the admin: an operator asks for the whole backlog, with a reason, and the clerk does it."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.stations import Clock, Stations
from tests.support.venue import Venue
from tests.trading.admin.pages import list_of, page_of
from tests.trading.conductor.verbs.test_pages import CHANGES, choose, do, errors_of, form_of, send
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import Steps
from trading.conductor.verbs.pages import ask_path
from trading.conductor.verbs.requests import THE_BACKLOG, OperatorRequest, RequestState, Verb
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

PAGE = ask_path(Verb.DRAIN_BACKLOG, [THE_BACKLOG])


@pytest.fixture
def stations():
    clock = Clock()
    return Stations(mode=Mode.DUAL, clock=clock, broker=Venue(clock))


@pytest.fixture
def faults(monkeypatch):
    """An event store that refuses everything, with the events of a fill on the backlog for long."""
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        Steps(Mode.DUAL).fill("BUY", "2")
        BackloggedEvent.objects.update(not_before="2100-01-01T00:00:00Z")
        yield patched


def test_what_was_asked_for_is_drained_however_long_it_should_wait(admin_client, stations, faults):
    faults.undo()

    answer = send(admin_client, Verb.DRAIN_BACKLOG, THE_BACKLOG, reason=" the disk has room again ")

    waiting = OperatorRequest.objects.get()
    assert answer.headers["Location"] == page_of(waiting)
    assert (waiting.verb, waiting.subject, waiting.actor) == ("drain_backlog", "backlog", "admin")
    assert (waiting.reason, BackloggedEvent.objects.count()) == ("the disk has room again", 3)
    row = do(stations)
    assert (row.state, row.outcome) == (RequestState.DONE, "1 groups of events were appended, 0 events stay")
    assert not BackloggedEvent.objects.exists()


@pytest.mark.usefixtures("faults")
def test_what_stays_is_told_with_its_error(admin_client, stations):
    send(admin_client, Verb.DRAIN_BACKLOG, THE_BACKLOG)

    stations.clerk.run_once(now=stations.clock())

    row = OperatorRequest.objects.get()
    assert row.state == RequestState.REFUSED
    assert row.outcome.startswith("0 groups of events were appended, 3 events stay. The first is ")
    assert row.outcome.endswith("StoreFailed: the event store is out of order")
    assert BackloggedEvent.objects.count() == 3


@pytest.mark.usefixtures("faults")
def test_it_is_asked_for_from_the_list_and_from_an_events_page(admin_client):
    chosen = [row.pk for row in BackloggedEvent.objects.all()][1:]

    assert choose(admin_client, "trading.backloggedevent", "drain_backlog", *chosen).headers["Location"] == PAGE
    first = BackloggedEvent.objects.order_by("pk").first()
    assert PAGE in admin_client.get(page_of(first)).content.decode()


@pytest.mark.usefixtures("faults")
def test_the_page_says_what_waits_and_asks_for_a_reason(admin_client):
    page = admin_client.get(PAGE).content.decode()
    path, form = form_of(admin_client, Verb.DRAIN_BACKLOG, THE_BACKLOG)

    assert "StoreFailed: the event store is out of order" in page
    assert list_of("trading.backloggedevent") in page
    assert errors_of(admin_client.post(path, form | {"reason": " "})) == {"reason": ["expected a reason, was empty"]}
    assert not OperatorRequest.objects.exists()


@pytest.mark.usefixtures("faults")
def test_looking_at_the_page_writes_nothing(admin_client):
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(PAGE)

    assert [query["sql"] for query in captured if CHANGES.match(query["sql"])] == []


def test_where_nothing_waits_the_page_says_so(admin_client):
    assert "nothing waits on the backlog" in admin_client.get(PAGE).content.decode()


def test_nothing_but_the_whole_backlog_can_be_asked_for(admin_client):
    assert admin_client.get(ask_path(Verb.DRAIN_BACKLOG, ["AAPL"])).status_code == 404


@pytest.mark.usefixtures("faults")
def test_whoever_may_only_look_is_offered_nothing(client, django_user_model):
    user = django_user_model.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_backloggedevent"))
    client.force_login(user)

    event = BackloggedEvent.objects.order_by("pk").first()
    assert PAGE not in client.get(page_of(event)).content.decode()
    assert choose(client, "trading.backloggedevent", "drain_backlog", event.pk).status_code == 403
    assert client.get(PAGE).status_code == 403
