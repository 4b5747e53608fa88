"""Boundaries: who dies at one of them is dead for good, and whoever comes next is not."""

from datetime import UTC, datetime

import pytest

from tests.simulation.boundaries import Boundaries, Died
from tests.simulation.story import Place, Stop
from trading.notices.models import Notice, open_notice

pytestmark = pytest.mark.django_db

DEATH = Stop(place=Place.BEFORE_CALL, nth=1, dies=True)
NOW = datetime(2026, 3, 2, 16, tzinfo=UTC)


@pytest.fixture
def boundaries():
    return Boundaries(lambda stop: None)


def writes():
    open_notice("order_stuck", "order 1", "written while its turn unwound", at=NOW)


def turn(boundaries, life, stop, cleans_up):
    """A turn that comes to a call, and cleans up however it ends."""
    with boundaries.living(life), boundaries.armed(stop):
        try:
            boundaries.reached(Place.BEFORE_CALL)
        finally:
            cleans_up()


def test_who_is_dead_writes_nothing_while_its_turn_unwinds(boundaries):
    with pytest.raises(Died):
        turn(boundaries, (0, 1), DEATH, writes)

    assert not Notice.objects.exists()


def test_who_is_dead_calls_nobody_while_its_turn_unwinds(boundaries):
    called = []

    def calls():
        boundaries.reached(Place.BEFORE_CALL)
        called.append("somebody")

    with pytest.raises(Died):
        turn(boundaries, (0, 1), DEATH, calls)

    assert called == []


def test_the_process_after_it_writes(boundaries):
    with pytest.raises(Died):
        turn(boundaries, (0, 1), DEATH, writes)

    turn(boundaries, (0, 2), None, writes)

    assert Notice.objects.count() == 1
