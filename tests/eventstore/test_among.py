"""Among: the same answers as `in`, for any number of values."""

import pytest
from django.contrib.auth.models import Group

from eventstore.rows import insert_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_groups(db):
    """What migrating made is in the way: groups stand here for any table."""
    Group.objects.all().delete()


ODD = ["", " ", "NULL", "\\", 'say "{}"', "{a,b}", "%s", "ß€🦊", "'; DROP TABLE x", "[1]", "1", "x" * 150]


@pytest.fixture
def groups():
    insert_rows(Group, [{"name": name} for name in ODD])
    return dict(Group.objects.values_list("name", "id"))


def test_texts(groups):
    for name in ODD:
        assert list(Group.objects.filter(name__among=[name]).values_list("name", flat=True)) == [name]
    assert Group.objects.filter(name__among={*ODD, "nobody", "x" * 151}).count() == len(ODD)


def test_numbers(groups):
    some = {groups[name] for name in ODD[::2]}

    assert set(Group.objects.filter(id__among=some | {-1, 2**62}).values_list("id", flat=True)) == some
    assert Group.objects.filter(id__among=some).exclude(id__among=some).count() == 0


def test_none(groups):
    assert not Group.objects.filter(id__among=[]).exists()
    assert not Group.objects.filter(name__among=set()).exists()


def test_many(groups):
    assert Group.objects.filter(id__among=set(range(100_000)) - {groups[""]}).count() == len(ODD) - 1


def test_what_is_updated_among_many(groups):
    changed = Group.objects.filter(id__among={groups[""], groups[" "]}, name=" ").update(name="changed")

    assert changed == 1
    assert Group.objects.get(name="changed").id == groups[" "]
