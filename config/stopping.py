"""Stopping: Ctrl-C and a termination signal become an event, so that whatever is under way ends in order.

The handler only puts a word into a queue, and a thread sets the event. A handler runs in the midst of whatever the main
thread does: where that is the event's own `wait`, `set` would wait for a lock that its own thread holds, for ever, and
everything would go on.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue


@contextmanager
def told_to_stop(stopping: threading.Event | None = None) -> Iterator[threading.Event]:
    """Yield an event, or the one that is given, that the signals set; within, they end nothing by themselves."""
    event = threading.Event() if stopping is None else stopping
    words: SimpleQueue[bool] = SimpleQueue()  # Whose `put` may interrupt itself.

    def hand_on() -> None:
        if words.get():
            event.set()

    listener = threading.Thread(target=hand_on, name="stopping", daemon=True)
    listener.start()
    before = {number: signal.signal(number, lambda *_: words.put(True)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        words.put(False)
        listener.join()
