"""Rows, many at a time: what is written by hand-made statements is what the model would have written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.contrib.auth.models import Group, User
from django.db import DataError, IntegrityError, transaction

from eventstore.rows import insert_rows, update_rows, upsert_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_groups(db):
    """What migrating made is in the way: groups stand here for any table."""
    Group.objects.all().delete()


ODD = ["", " ", "NULL", "\\N", "\\", "a\tb", "a\nb", "a\r\nb", 'say "{}"', "{a,b}", "%s", "ß€🦊", "'; DROP TABLE x"]
TIMES = [
    None,
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 60_000, tzinfo=timezone(timedelta(hours=-5, minutes=30))),
]


def users(count=4):
    return [
        {
            "username": f"u{number}",
            "last_login": TIMES[number % len(TIMES)],
            "is_active": number % 2 == 0,
            "date_joined": TIMES[1 + number % 3],
            "password": ODD[number % len(ODD)],
            "first_name": "",
            "last_name": "",
            "email": "",
            "is_superuser": False,
            "is_staff": False,
        }
        for number in range(count)
    ]


def test_texts_are_kept_as_they_are():
    insert_rows(Group, [{"name": text} for text in ODD])

    assert sorted(Group.objects.values_list("name", flat=True)) == sorted(ODD)


def test_times_are_kept_as_the_model_keeps_them():
    insert_rows(User, users())

    for row in users():
        User.objects.create(**row | {"username": f"model's {row['username']}"})
    ours, models = (
        list(
            User.objects.filter(username__startswith=name).order_by("username").values_list("last_login", "date_joined")
        )
        for name in ("u", "model's")
    )
    assert ours == models == [(row["last_login"], row["date_joined"]) for row in users()]
    # As stored, too: SQLite compares texts.
    for row in users():
        assert User.objects.filter(date_joined=row["date_joined"], username=row["username"]).exists()


def test_a_row_too_many_takes_none_in():
    Group.objects.create(name="b")

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(Group, [{"name": "a"}, {"name": "b"}])

    assert list(Group.objects.values_list("name", flat=True)) == ["b"]


def test_a_text_that_does_not_fit_is_an_error_of_djangos():
    from django.db import connection

    if connection.vendor == "sqlite":
        pytest.skip("SQLite takes texts of any length")
    with pytest.raises(DataError), transaction.atomic():
        insert_rows(Group, [{"name": "x" * 151}])


def test_upserted_rows_replace_those_that_are_there():
    insert_rows(User, users(2))

    upsert_rows(User, [row | {"email": "a@b"} for row in users(3)], key="username")

    assert list(User.objects.order_by("username").values_list("username", "email")) == [
        ("u0", "a@b"),
        ("u1", "a@b"),
        ("u2", "a@b"),
    ]


def test_updated_rows_keep_what_is_not_named():
    insert_rows(User, users(3))

    update_rows(User, [{"username": "u1", "email": "a@b"}, {"username": "nobody", "email": "c@d"}], key="username")

    assert list(User.objects.order_by("username").values_list("username", "email", "is_active")) == [
        ("u0", "", True),
        ("u1", "a@b", False),
        ("u2", "", True),
    ]


def test_no_rows_ask_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        insert_rows(User, [])
        upsert_rows(User, [], key="username")
        update_rows(User, [], key="username")
