"""Wake-ups: a station that left work for another lets it look at once, instead of at the end of its idle wait.

They are hints among the threads of one process, and nothing depends on one: each station looks by itself several times
a second, which is all there is between processes. So a hint that is lost, or that comes for nothing, costs a look.
"""

import threading
from collections.abc import Collection, Iterable, Mapping

# Who works on what a station leaves. The enricher stands in no hedge's way, so a new fill does not hurry it; an order
# that was just submitted is not due to be polled yet. No way leads back, so no two stations keep each other awake.
LEADS_TO: Mapping[str, Collection[str]] = {
    "watcher": ("processor",),
    "processor": ("refresher", "hedger"),
    "refresher": ("hedger",),
    "hedger": ("dispatcher",),
    "poller": ("refresher", "hedger"),
    "clerk": ("dispatcher",),
}


class WakeUps:
    """The hints of one conductor's stations."""

    def __init__(self, stations: Iterable[str], leads_to: Mapping[str, Collection[str]] = LEADS_TO) -> None:
        self._leads_to = leads_to
        self._hints = {name: threading.Event() for name in stations}

    def begin_look(self, station: str) -> None:
        """Forget the hints until now. What is left while the station looks wakes it again, so that none falls between.

        Call it before the look, never after.
        """
        self._hints[station].clear()

    def left_work(self, station: str) -> None:
        """Wake those that work on what this station leaves."""
        for name in self._leads_to.get(station, ()):
            if name in self._hints:
                self._hints[name].set()

    def rest(self, station: str, seconds: float) -> None:
        """Wait so long, or until a hint that came since the look began."""
        self._hints[station].wait(seconds)

    def wake_all(self) -> None:
        for hint in self._hints.values():
            hint.set()
