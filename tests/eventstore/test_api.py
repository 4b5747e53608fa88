"""The log over HTTP: found by type and id, told as it was at any version or time, and closed to strangers."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from eventstore.models import StoredEvent, StoredSnapshot
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Deposited, Opened, coins, deposits
from tests.eventstore.tampering import as_the_owner

pytestmark = pytest.mark.django_db

STREAMS = "/api/v1/streams/"


@pytest.fixture
def reader(client, django_user_model):
    user = django_user_model.objects.create_user("reader")
    user.user_permissions.add(Permission.objects.get(codename="view_storedevent"))
    client.force_login(user)
    append([Draft("Account", "A:1", 1, Opened(limit=coins("5.0"), opened_at=AT), METADATA)], at=AT)
    append(deposits("A:1", 2, amount="1.50"), at=AT + timedelta(seconds=1))
    append(deposits("A:1", 3, amount="1E-20"), at=AT + timedelta(seconds=2))
    append([*deposits("B", 1), *deposits("C", 1), Draft("Purse", "P", 1, Deposited(amount=coins(1)), METADATA)], at=AT)
    return client


def asked(reader, path, status=200, **query):
    answer = reader.get(STREAMS + path, query)
    form = "application/json" if status == 200 else "application/problem+json"
    assert (answer.status_code, answer["Content-Type"]) == (status, form)
    return answer.json()


@pytest.mark.parametrize("path", ["", "Account/", "Account/A:1/events/", "Account/A:1/state/"])
def test_a_stranger_is_told_nothing(client, path):
    answer = client.get(STREAMS + path)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("path", ["", "Account/", "Account/A:1/events/", "Account/A:1/state/"])
def test_nothing_can_be_written(reader, path):
    for method in (reader.post, reader.put, reader.patch, reader.delete):
        assert method(STREAMS + path, {}, content_type="application/json").status_code == 405


def test_the_types_are_listed_with_where_their_streams_are(reader):
    types = {one.pop("type"): one for one in asked(reader, "")["types"]}

    assert types["Account"] == {
        "has_streams": True,
        "can_be_replayed": True,
        "streams": "http://testserver/api/v1/streams/Account/",
    }
    assert (types["Purse"]["has_streams"], types["Purse"]["can_be_replayed"]) == (True, False)
    assert (types["Position"]["has_streams"], types["Position"]["can_be_replayed"]) == (False, True)


def test_streams_of_a_type_are_read_by_cursor(reader):
    first = asked(reader, "Account/", limit=2)
    second = asked(reader, "Account/", limit=2, after=first["next_after"])

    assert [(one["id"], one["version"]) for one in first["streams"]] == [("A:1", 3), ("B", 1)]
    assert [(one["id"], one["version"]) for one in second["streams"]] == [("C", 1)]
    assert second["next_after"] is None
    assert reader.get(first["streams"][0]["events"]).status_code == 200
    assert reader.get(first["streams"][0]["state"]).status_code == 200


def test_a_type_without_streams_has_none(reader):
    assert asked(reader, "Position/") == {"type": "Position", "streams": [], "next_after": None}
    assert asked(reader, "Purse/", after="P") == {"type": "Purse", "streams": [], "next_after": None}


def test_events_are_told_as_they_are_stored(reader):
    stored = StoredEvent.objects.get(aggregate_id="A:1", version=2)

    page = asked(reader, "Account/A:1/events/", after=1, limit=1)

    assert page == {
        "type": "Account",
        "id": "A:1",
        "events": [
            {
                "version": 2,
                "number": stored.number,
                "type": "AccountEvent::Deposited",
                "schema": 1,
                "data": {"amount": "1.5"},
                "metadata": {"actor": "tests", "correlation": "a test", "causation": None},
                "recorded_at": "2025-03-01T12:30:01.250000Z",
                "hash": stored.hash,
            }
        ],
        "next_after": 2,
    }
    assert asked(reader, "Account/A:1/events/", after=3)["events"] == []


def test_an_event_that_is_no_json_is_told_as_text(reader):
    with as_the_owner():
        StoredEvent.objects.filter(aggregate_id="B").update(data="{")

    assert asked(reader, "Account/B/events/")["events"][0]["data"] == "{"


@pytest.mark.parametrize(
    ("query", "version", "balance"),
    [
        ({}, 3, "1.50000000000000000001"),
        ({"version": "1"}, 1, "0"),
        ({"version": "2"}, 2, "1.5"),
        ({"at": "2025-03-01T12:30:01.25Z"}, 2, "1.5"),
        ({"at": "2025-03-01T07:30:01.249999-05:00"}, 1, "0"),
    ],
)
def test_a_state_is_told_at_a_version_or_a_time(reader, query, version, balance):
    found = asked(reader, "Account/A:1/state/", **query)

    assert (found["type"], found["id"], found["version"]) == ("Account", "A:1", version)
    assert (found["state"]["limit"], found["state"]["balance"]) == ("5", balance)
    assert found["recorded_at"] == f"2025-03-01T12:30:0{version - 1}.250000Z"


@pytest.mark.parametrize(
    ("path", "query", "detail"),
    [
        ("Account/", {"limit": "0"}, "limit: expected a whole number from 1 to 1000, was '0'"),
        ("Account/", {"limit": "1001"}, "limit: expected a whole number from 1 to 1000, was '1001'"),
        ("Account/A:1/events/", {"limit": "many"}, "limit: expected a whole number from 1 to 1000, was 'many'"),
        ("Account/A:1/events/", {"after": "-1"}, "after: expected a whole number from 0, was '-1'"),
        ("Account/A:1/events/", {"after": "9" * 30}, f"after: expected a whole number from 0, was '{'9' * 30}'"),
        ("Account/A:1/state/", {"version": "0"}, "version: expected a whole number from 1, was '0'"),
        ("Account/A:1/state/", {"version": "٣"}, "version: expected a whole number from 1, was '٣'"),
        (
            "Account/A:1/state/",
            {"at": "2025-03-01T12:30:00"},
            "at: expected a time with its zone, as 2025-11-03T14:30:00Z, was '2025-03-01T12:30:00'",
        ),
        (
            "Account/A:1/state/",
            {"at": "2025-03-01T12:30:00Z", "version": "1"},
            "expected `version` or `at`, found both",
        ),
    ],
)
def test_a_question_that_is_not_understood_is_refused(reader, path, query, detail):
    assert asked(reader, path, 400, **query)["detail"] == detail


@pytest.mark.parametrize(
    ("path", "query", "detail"),
    [
        ("Wallet/", {}, "no stream is of the type 'Wallet'"),
        ("Account/nobody/events/", {}, "Account-nobody has no events"),
        ("Account/nobody/state/", {}, "Account-nobody has no events"),
        ("Account/A:1/state/", {"version": "4"}, "Account-A:1 has versions from 1 to 3, not 4"),
        (
            "Account/A:1/state/",
            {"at": "2025-03-01T12:00:00Z"},
            "Account-A:1 had no event yet at 2025-03-01 12:00:00+00:00",
        ),
        ("Account/%00/state/", {}, "no stream has such a name"),
        ("Account/", {"after": "\0"}, "no stream has such a name"),
    ],
)
def test_what_is_not_there_is_not_found(reader, path, query, detail):
    assert asked(reader, path, 404, **query)["detail"] == detail


def test_the_state_of_a_type_that_nobody_registered_is_not_found(reader):
    assert "expected a type of aggregates" in asked(reader, "Purse/P/state/", 404)["detail"]
    assert len(asked(reader, "Purse/P/events/")["events"]) == 1


def test_a_state_that_cant_be_replayed_says_from_where_on(reader):
    StoredSnapshot.objects.all().delete()
    with as_the_owner():
        StoredEvent.objects.filter(aggregate_id="A:1", version=3).update(schema=9)

    assert "Account-A:1 can't be replayed from version 3 on" in asked(reader, "Account/A:1/state/", 500)["detail"]
    assert asked(reader, "Account/A:1/state/", version=2)["version"] == 2


@pytest.mark.parametrize(
    ("path", "queries"),
    [("", 1), ("Account/", 1), ("Account/A:1/events/", 1), ("Account/A:1/state/", 3)],
)
def test_each_answer_takes_as_many_queries_however_long_it_is(reader, path, queries, django_assert_num_queries):
    append([*deposits("A:1", *range(4, 40)), *(d for n in range(40) for d in deposits(f"D{n}", 1))], at=AT)

    with django_assert_num_queries(queries + 5):  # The session, its user, their authenticator, and two of rights.
        asked(reader, path)


def test_who_may_not_look_at_events_in_the_admin_reads_none_here(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("stranger"))

    assert [
        client.get(STREAMS + path).status_code for path in ("", "Account/", "Account/A/events/", "Account/A/state/")
    ] == [403] * 4
