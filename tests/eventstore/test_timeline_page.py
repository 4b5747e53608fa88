"""A stream's timeline in the admin: each event with what it changed, page by page, or as it stood at a time."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from eventstore.models import StoredEvent, StoredSnapshot
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Deposited, Opened, coins, deposits
from tests.eventstore.tampering import as_the_owner
from tests.trading.admin.pages import text_of

pytestmark = pytest.mark.django_db

OPENED = Draft("Account", "A", 1, Opened(limit=coins("5.0"), opened_at=AT), METADATA)


def url(aggregate_type="Account", aggregate_id="A"):
    return reverse("admin:eventstore_storedevent_timeline", args=[aggregate_type, aggregate_id])


@pytest.fixture
def operator(admin_client):
    append([OPENED, *deposits("A", 2, amount="1.50")], at=AT)
    return admin_client


def versions(answer):
    return [row[0] for row in answer.context["table"]["rows"]]


def test_each_event_is_shown_with_what_it_changed_and_the_state_after_it(operator):
    answer = operator.get(url())

    assert answer.status_code == 200
    seen = text_of(answer)
    assert "Timeline of Account-A" in seen
    assert "2025-03-01 12:30:00.250000 UTC" in seen
    assert "limit: - → 5" in seen
    assert "balance: 0 → 1.5" in seen
    assert "Deposited { &quot;amount&quot;: &quot;1.5&quot; }" in seen
    assert "&quot;available&quot;: &quot;6.5&quot;" in seen
    for event in StoredEvent.objects.all():
        assert reverse("admin:eventstore_storedevent_change", args=[event.number]) in answer.content.decode()


def test_an_events_page_leads_to_the_timeline(operator):
    event = StoredEvent.objects.first()

    page = operator.get(reverse("admin:eventstore_storedevent_change", args=[event.number]))

    assert f'href="{url()}"' in page.content.decode()


def test_a_long_stream_is_shown_from_its_newest_page(operator):
    append(deposits("A", *range(3, 121)), at=AT)

    newest = operator.get(url())
    pages = dict(newest.context["pages"])

    assert (len(versions(newest)), pages) == (20, {"first": "?after=0", "earlier": "?after=50"})
    earlier = operator.get(url() + pages["earlier"])
    assert len(versions(earlier)) == 50
    assert dict(earlier.context["pages"]) == {
        "first": "?after=0",
        "earlier": "?after=0",
        "later": "?after=100",
        "newest": "?after=100",
    }
    assert len(versions(operator.get(url(), {"after": "9" * 40}))) == 20
    assert len(versions(operator.get(url(), {"after": "nonsense"}))) == 20


def test_the_event_that_a_time_falls_into_is_marked(operator):
    append(deposits("A", *range(3, 121)), at=AT + timedelta(hours=1))

    answer = operator.get(url(), {"at": "2025-03-01T12:31:00Z"})

    assert len(versions(answer)) == 50
    assert ["as it stood" in cell for cell in versions(answer)] == [False, True, *[False] * 48]


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("half past nine", "expected a time with its zone, as 2025-11-03T14:30:00Z, was &#x27;half past nine&#x27;"),
        ("2025-03-01T12:00:00Z", "Account-A had no event yet at 2025-03-01T12:00:00Z"),
    ],
)
def test_a_time_that_means_nothing_is_said_to(operator, at, problem):
    answer = operator.get(url(), {"at": at})

    assert answer.status_code == 200
    assert problem in answer.content.decode()


def test_a_stream_without_events_is_said_to_have_none(operator):
    answer = operator.get(url("Position", "NOBODY"))

    assert answer.status_code == 200
    assert "Position-NOBODY has no events" in text_of(answer)


def test_what_cant_be_replayed_is_said_to_be_missing(operator):
    append([Draft("Account", "A", 3, Deposited(amount=coins(1)), METADATA)], at=AT)
    StoredSnapshot.objects.all().delete()
    with as_the_owner():
        StoredEvent.objects.filter(version=2).update(data="{<b>")

    some = operator.get(url())
    assert len(versions(some)) == 1
    assert "the last 2 events of this page can&#x27;t be replayed by this program" in some.content.decode()

    with as_the_owner():
        StoredEvent.objects.filter(version=1).update(data="{<b>")
    none = operator.get(url())
    assert none.status_code == 200
    assert "Account-A can&#x27;t be replayed from version 1 on" in none.content.decode()
    assert "<b>" not in none.content.decode()


@pytest.mark.parametrize(("aggregate_type", "aggregate_id"), [("Wallet", "A"), ("Account", "A\0B")])
def test_what_no_stream_can_be_is_not_found(operator, aggregate_type, aggregate_id):
    assert operator.get(url(aggregate_type, aggregate_id)).status_code == 404


def test_only_who_may_see_events_sees_the_timeline(client, django_user_model):
    append([OPENED], at=AT)
    assert client.get(url()).headers["Location"].startswith(reverse("admin:login"))

    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(url()).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_storedevent"))
    assert client.get(url()).status_code == 200
