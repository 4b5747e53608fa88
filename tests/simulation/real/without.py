"""A guarantee taken out of the conductors, for `--real --without NAME`, to see that the run finds that it is gone.

The breakages of schedules serve here too, as far as they are of hedges. Beside them stand those that take a process, a
signal or a lock to be met. They are applied in each child before it begins to conduct; whoever judges has them not.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from unittest import mock

from tests.simulation import breakages, breakages_of_the_whole

PAUSE_SECONDS = 3.0


def the_checkpoint_moves_first() -> None:
    """How far the chain was read is committed, and seconds later what was read: long enough to be killed between."""
    from django.db import transaction

    from trading.conductor.watcher import Watcher, move

    store = Watcher._store

    def late(self: Any, checkpoint: Any, scanned: Any, now: Any) -> None:
        with transaction.atomic(durable=True):
            move(checkpoint, now=now, next_block=max(scanned.end_block, checkpoint.next_block))
        time.sleep(PAUSE_SECONDS)
        store(self, checkpoint, scanned, now)

    mock.patch.object(Watcher, "_store", late).start()


def rows_are_not_locked() -> None:
    """Who reads a row to change it does not hold it, so that another process changes it meanwhile."""
    from django.db.models import QuerySet

    mock.patch.object(QuerySet, "select_for_update", lambda self, **_: self.all()).start()


def a_trouble_ends_the_process() -> None:
    """A station that fails is not tried again: the process ends."""
    from trading.conductor.heartbeat import Heartbeat

    mock.patch.object(Heartbeat, "failed", side_effect=lambda *_: os._exit(1)).start()


def nobody_hears_that_it_is_to_end() -> None:
    """A signal to end is not waited for, so that it ends the process in the midst of whatever it does."""
    from config import stopping

    mock.patch.object(stopping, "told_to_stop", nullcontext).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    **breakages.BREAKAGES,
    **breakages_of_the_whole.BREAKAGES,
    **{
        breakage.__name__: breakage
        for breakage in (
            the_checkpoint_moves_first,
            rows_are_not_locked,
            a_trouble_ends_the_process,
            nobody_hears_that_it_is_to_end,
        )
    },
}


def take_out(names: str) -> None:
    """Take out what is named, with commas between. Django must be set up, and nothing may have begun."""
    for name in names.split(","):
        BREAKAGES[name]()
        # Among the complaints of the run it can be seen so that it was in force.
        sys.stderr.write(f"conducts without: {name}\n")
