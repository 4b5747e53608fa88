"""`conduct` that kills itself, with the signal that nothing can catch, at a place of its own code that is named.

python -m tests.support.conduct_with_crash PLACE [NUMBER] [options of conduct]

NUMBER says at the how manieth time that it comes there: the first, by default. The product knows nothing of this: its
functions are wrapped here, in the child process alone.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

Crash = Callable[[], None]


class Countdown:
    """Ends the process at the nth call."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, crash: Crash) -> None:
    """Crash when a function is called."""
    real = getattr(owner, name)

    def crashing(*args: Any, **kwargs: Any) -> Any:
        crash()
        return real(*args, **kwargs)

    setattr(owner, name, crashing)


def after(owner: Any, name: str, crash: Crash, *, when: Callable[[Any], bool] = lambda returned: True) -> None:
    """Crash when a function returns, or raises."""
    real = getattr(owner, name)

    def crashing(*args: Any, **kwargs: Any) -> Any:
        try:
            returned = real(*args, **kwargs)
        except Exception:
            crash()
            raise
        if when(returned):
            crash()
        return returned

    setattr(owner, name, crashing)


# Places.


def station_before_commit(station: str, crash: Crash) -> None:
    """All of a step is written, in both memories, and not committed."""
    from trading.ledger.book import Ledger

    real = Ledger._write

    def write(self: Ledger, step: Any, memory: Any) -> None:
        real(self, step, memory)
        if step._actor == station and step.entries:
            crash()

    Ledger._write = write  # type: ignore[method-assign]


def station_after_commit(station: str, crash: Crash) -> None:
    """A step is committed, and nothing came after it."""
    from trading.ledger.book import Ledger

    real = Ledger.step

    @contextmanager
    def step(self: Ledger, *, at: Any, actor: str) -> Iterator[Any]:
        with real(self, at=at, actor=actor) as opened:
            yield opened
        if actor == station and opened.entries:
            crash()

    Ledger.step = step  # type: ignore[method-assign]


def between_the_memories(station: str, crash: Crash) -> None:
    """The legacy rows of a step are written, and none of its events."""
    from trading.ledger.book import Ledger

    real = Ledger._append_or_queue

    def append_or_queue(self: Ledger, entries: Any, at: Any) -> None:
        if entries[0].metadata.actor == station:
            crash()
        real(self, entries, at)

    Ledger._append_or_queue = append_or_queue  # type: ignore[method-assign]


def between_events_and_views(crash: Crash) -> None:
    """Events are inserted, and no view knows of them."""
    from eventstore import store

    before(store, "inline_projectors", crash)


def watcher_before_commit(crash: Crash) -> None:
    """A range's logs are queued and the checkpoint is moved, and neither is committed."""
    from trading.conductor import watcher

    after(watcher, "move", crash)


def watcher_between_logs_and_checkpoint(crash: Crash) -> None:
    from trading.conductor import watcher

    before(watcher, "move", crash)


def watcher_after_commit(crash: Crash) -> None:
    from trading.conductor.watcher import Watcher

    after(Watcher, "_store", crash)


def lease_taken(crash: Crash) -> None:
    """The chain is ours to read, and nothing was read."""
    from trading.conductor import watcher

    after(watcher, "take_lease", crash)


def logs_claimed(crash: Crash) -> None:
    """Logs are marked processed, and nothing of them is booked."""
    from trading.conductor import processor

    after(processor, "claim", crash)


def submission_started(crash: Crash) -> None:
    """That an order is being sent is committed, and the broker was not asked."""
    from trading.conductor.dispatcher import Dispatcher

    after(Dispatcher, "_may_send", crash)


def before_submit(crash: Crash) -> None:
    """The broker has no such order, and is about to get it."""
    from trading.brokers.dry_run.broker import DryRunBroker

    before(DryRunBroker, "submit", crash)


def accepted(crash: Crash) -> None:
    """The broker has the order, and gave no answer yet."""
    from trading.brokers.dry_run.broker import DryRunBroker

    after(DryRunBroker, "_store", crash)


def answered(crash: Crash) -> None:
    """The broker answered, well or badly, and nobody knows."""
    from trading.brokers.dry_run.broker import DryRunBroker

    after(DryRunBroker, "submit", crash)


def found_again(crash: Crash) -> None:
    """An order of which we did not know was found at the broker, and nobody knows."""
    from trading.brokers.dry_run.broker import DryRunBroker

    after(DryRunBroker, "find", crash, when=lambda report: report is not None)


def reported(crash: Crash) -> None:
    """The broker reported how far an order is, and nothing of it is booked."""
    from trading.conductor.poller import Poller

    real = Poller._ask

    def ask(self: Poller, order: Any, listed: Any) -> Any:
        report = real(self, order, listed)
        # One that has ended is asked about too, for a late fill: of that all is booked.
        if not order.has_ended:
            crash()
        return report

    Poller._ask = ask  # type: ignore[method-assign]


def before_the_next_look(crash: Crash) -> None:
    """A report is booked, and when to look again is not noted."""
    from trading.conductor import dispatcher, poller

    before(dispatcher, "look_again_at", crash)
    before(poller, "look_again_at", crash)


def before_trying_again(crash: Crash) -> None:
    """An order could not be sent, or its outcome is unknown, and when to try again is not noted."""
    from trading.conductor import postponing

    before(postponing, "try_again", crash)


def events_refused(crash: Crash) -> None:
    """The event store refuses three times, so that events are on the backlog; the crash is before they are drained."""
    _refuse_events(3)
    from trading.ledger import backlog

    before(backlog, "drain", crash)


def backlog_before_commit(crash: Crash) -> None:
    """Events of the backlog are appended, and still on it."""
    _refuse_events(3)
    from trading.ledger import backlog

    after(backlog, "append", crash)


def stopping(crash: Crash) -> None:
    """All is done, and the lease is to be given back."""
    from trading.conductor.watcher import Watcher

    before(Watcher, "stop", crash)


def _refuse_events(times: int) -> None:
    from django.db import DataError

    from trading.ledger import book

    real, left = book.append, [times]

    def append(drafts: Any, *, at: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise DataError("the event store refuses, for the test")
        return real(drafts, at=at)

    book.append = append


# Who commits steps; the watcher does where it reverts what a reorg took.
STEPS = {station: station for station in ("processor", "enricher", "hedger", "dispatcher", "poller")} | {
    "reversal": "watcher"
}
PLACES: dict[str, Callable[[Crash], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        lease_taken,
        watcher_between_logs_and_checkpoint,
        watcher_before_commit,
        watcher_after_commit,
        logs_claimed,
        between_events_and_views,
        submission_started,
        before_submit,
        accepted,
        answered,
        found_again,
        reported,
        before_the_next_look,
        before_trying_again,
        events_refused,
        backlog_before_commit,
        stopping,
    )
} | {
    f"{name} {words}": partial(place, station)
    for name, station in STEPS.items()
    for words, place in (
        ("between the memories", between_the_memories),
        ("before commit", station_before_commit),
        ("after commit", station_after_commit),
    )
}


def main() -> None:
    place, *options = sys.argv[1:]
    number = int(options.pop(0)) if options and options[0].isdigit() else 1

    import django

    django.setup()
    PLACES[place](Countdown(number))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "conduct", *options])


if __name__ == "__main__":
    main()
