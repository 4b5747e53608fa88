"""The log in the admin: shown newest first, found by exact id, never changed."""

import pytest
from django.test import Client
from django.urls import reverse

from eventstore.maintenance import maintenance
from eventstore.models import StoredEvent
from eventstore.reading import aggregate_types
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Deposited, Withdrawn, coins, deposits
from tests.eventstore.tampering import as_the_owner

pytestmark = pytest.mark.django_db

LIST = "admin:eventstore_storedevent_changelist"


@pytest.fixture
def admin(admin_user):
    client = Client()
    client.force_login(admin_user)
    append(
        [
            *deposits("A", 1, 2),
            *deposits("AA", 1),
            Draft("Purse", "A", 1, Deposited(amount=coins(1)), METADATA),
            Draft("Purse", "A", 2, Withdrawn(amount=coins(1)), METADATA),
        ],
        at=AT,
    )
    return client


def shown(admin, **query):
    page = admin.get(reverse(LIST), query)
    assert page.status_code == 200
    return [(e.aggregate_type, e.aggregate_id, e.version) for e in page.context["cl"].result_list]


def test_events_are_listed_newest_first(admin):
    assert shown(admin) == [
        ("Purse", "A", 2), ("Purse", "A", 1), ("Account", "AA", 1), ("Account", "A", 2), ("Account", "A", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": " A "}, [("Purse", "A", 2), ("Purse", "A", 1), ("Account", "A", 2), ("Account", "A", 1)]),
        ({"q": "a"}, []),
        ({"q": "AA"}, [("Account", "AA", 1)]),
        ({"aggregate_type": "Purse"}, [("Purse", "A", 2), ("Purse", "A", 1)]),
        ({"type": "AccountEvent::Withdrawn"}, [("Purse", "A", 2)]),
        ({"q": "A", "aggregate_type": "Account"}, [("Account", "A", 2), ("Account", "A", 1)]),
    ],
)
def test_events_are_found_by_exact_id_kind_and_type(admin, query, found):
    assert shown(admin, **query) == found


def test_no_page_counts_the_whole_log(admin, django_assert_num_queries):
    with django_assert_num_queries(20, exact=False) as queries:
        shown(admin)

    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"].upper()]


def test_an_event_is_shown_with_its_json_laid_out(admin):
    event = StoredEvent.objects.filter(aggregate_id="A").first()

    page = admin.get(reverse("admin:eventstore_storedevent_change", args=[event.number]))

    text = page.content.decode()
    assert "{\n  &quot;amount&quot;: &quot;1.5&quot;\n}" in text
    assert event.hash in text
    assert 'name="_save"' not in text


def test_a_row_with_broken_json_is_shown_as_it_is(admin):
    event = StoredEvent.objects.first()
    with as_the_owner():
        StoredEvent.objects.filter(pk=event.pk).update(data="<b>{")

    page = admin.get(reverse("admin:eventstore_storedevent_change", args=[event.number]))

    assert "&lt;b&gt;{" in page.content.decode()


@pytest.mark.parametrize("view", ["add", "change", "delete"])
def test_nothing_is_added_changed_or_deleted(admin, view):
    event = StoredEvent.objects.first()
    args = [] if view == "add" else [event.number]

    response = admin.post(reverse(f"admin:eventstore_storedevent_{view}", args=args), {"post": "yes"})

    assert response.status_code == 403
    assert StoredEvent.objects.count() == 5


def test_events_are_not_deleted_in_bulk(admin):
    data = {"action": "delete_selected", "_selected_action": [StoredEvent.objects.first().pk], "post": "yes"}

    admin.post(reverse(LIST), data)

    assert StoredEvent.objects.count() == 5


def test_the_kinds_of_aggregates_are_known(admin):
    assert aggregate_types() == ["Account", "Purse"]
    with maintenance(actor="tests", reason="an empty log", at=AT):
        StoredEvent.objects.all().delete()
    assert aggregate_types() == []
