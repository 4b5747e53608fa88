"""Killed projections: a process that dies while it projects leaves rows and checkpoint of one commit, or of none."""

import os
import signal
import subprocess
import sys

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from eventstore.catching_up import catch_up, take_turn
from eventstore.models import Projection
from eventstore.projections import only_inline
from eventstore.rows import insert_rows
from eventstore.store import append, append_alone
from tests.eventstore.samples import AT, deposits

real = pytest.mark.django_db(transaction=True)


class Names:
    """A row for each event; a name can't be there twice."""

    name, version, aggregate_types, aggregate_type = "names", 1, None, "Account"

    def project(self, batch):
        insert_rows(Group, [{"name": f"{event.aggregate_id}/{event.version}"} for event in batch])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Names):
    """Dies when the rows of its second batch are written, and not committed."""

    batches = 0

    def project(self, batch):
        super().project(batch)
        self.batches += 1
        if self.batches == 2:
            die()


# Run in a process of their own, which each of them ends.


def before_the_commit():
    catch_up(Dying(), now=AT, batch=10)


def after_the_commit():
    take_turn(Names(), now=AT, batch=10)
    die()


def between_event_and_view():
    class DyingInline(Names):
        def project(self, batch):
            die()

    with only_inline(DyingInline()), transaction.atomic():
        append(deposits("A", 26), at=AT)


def between_view_and_commit():
    with only_inline(Names()), transaction.atomic():
        append(deposits("A", 26), at=AT)
        die()


@real
@pytest.mark.parametrize("where", [before_the_commit, after_the_commit])
def test_the_next_process_projects_each_event_once(where, database_url):
    append_alone(deposits("A", *range(1, 26)), at=AT)

    killed(where, database_url)

    assert (Group.objects.count(), Projection.objects.get().events_done) == (10, 10)
    catch_up(Names(), now=AT, batch=10)
    assert names() == [f"A/{version}" for version in range(1, 26)]
    assert Projection.objects.get().events_done == 25


@real
@pytest.mark.parametrize("where", [between_event_and_view, between_view_and_commit])
def test_an_event_and_its_view_are_both_there_or_neither(where, database_url):
    with only_inline(Names()):
        append_alone(deposits("A", *range(1, 26)), at=AT)

        killed(where, database_url)

        assert names() == [f"A/{version}" for version in range(1, 26)]
        append_alone(deposits("A", 26), at=AT)
    assert names()[-1] == "A/26"


def killed(where, database_url):
    """Run a function in a child process, which must die of it as of a power cut."""
    script = f"import django; django.setup()\nfrom {__name__} import {where.__name__} as run\nrun()\n"
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def names():
    return list(Group.objects.order_by("id").values_list("name", flat=True))
