"""Breakages of the whole: a guarantee that only a chain, a node or a database puts to the test, taken out.

python -m tests.simulation.breakages_of_the_whole NAME --schedules 20 --broker alpaca [--first-seed N]
"""

import sys
from collections.abc import Callable
from unittest import mock

from tests.simulation.taken_out import run


def reorgs_are_not_looked_for() -> None:
    """What was read is taken for final."""
    from trading.conductor.watcher import Watcher

    mock.patch.object(Watcher, "_look_back", return_value=False).start()


def logs_and_checkpoint_are_two_commits() -> None:
    """The checkpoint moves before the logs are in the inbox."""
    from django.db import transaction

    from trading.conductor import watcher

    store = watcher.Watcher._store

    def twice(self, checkpoint, scanned, now):  # type: ignore[no-untyped-def]
        with transaction.atomic(durable=True):
            watcher.move(checkpoint, now=now, next_block=max(scanned.end_block, checkpoint.next_block))
        store(self, checkpoint, scanned, now)

    mock.patch.object(watcher.Watcher, "_store", twice).start()


def the_checkpoint_goes_back() -> None:
    """After a reorg all is read again from where it began, as if it had never been read."""
    from trading.conductor import watcher
    from trading.conductor.checkpoints import ChainCheckpoint, move

    def back(checkpoint, *, now, **fields):  # type: ignore[no-untyped-def]
        start = fields.get("reread_from")
        if start is None:
            move(checkpoint, now=now, **fields)
        else:
            ChainCheckpoint.objects.filter(pk=checkpoint.pk).update(next_block=start, reread_from=None)

    mock.patch.object(watcher, "move", back).start()


def the_cutoff_is_not_read() -> None:
    """Blocks are read up to the node's head, however young they are."""
    from trading.conductor import watcher

    mock.patch.object(watcher, "cutoff_block", lambda node, *_, **__: node.head()).start()


def the_lease_has_no_end() -> None:
    """Who reads the chain is written down, and until when is not."""
    from django.db.models import F

    from trading.conductor import watcher
    from trading.conductor.checkpoints import ChainCheckpoint

    def take(orderbook, *, holder, now, lasts, first_block, **known):  # type: ignore[no-untyped-def]
        ChainCheckpoint.objects.get_or_create(
            orderbook=orderbook, defaults={"next_block": first_block, "updated_at": now, **known}
        )
        mine = ChainCheckpoint.objects.filter(orderbook=orderbook)
        mine.exclude(lease_holder=holder).update(lease_holder=holder, fencing_token=F("fencing_token") + 1)
        return mine.get()

    mock.patch.object(watcher, "take_lease", take).start()


def nobody_looks_for_amounts() -> None:
    """A clear whose amounts the node has not listed is taken for no fill."""
    from trading.chain.fills import NOT_OURS
    from trading.conductor import processor

    amounts = processor.Processor._amounts
    read = processor.Processor.read

    def without(self, clear, raw, after):  # type: ignore[no-untyped-def]
        if after is None:
            raise _NoAmounts
        return amounts(self, clear, raw, after)

    def reading(self, row):  # type: ignore[no-untyped-def]
        try:
            return read(self, row)
        except _NoAmounts:
            return NOT_OURS

    mock.patch.object(processor.Processor, "_amounts", without).start()
    mock.patch.object(processor.Processor, "read", reading).start()


class _NoAmounts(Exception):
    pass


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        reorgs_are_not_looked_for,
        logs_and_checkpoint_are_two_commits,
        the_checkpoint_goes_back,
        the_cutoff_is_not_read,
        the_lease_has_no_end,
        nobody_looks_for_amounts,
    )
}


if __name__ == "__main__":
    sys.exit(run(BREAKAGES, "whole", sys.argv[1:]))
