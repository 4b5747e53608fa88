"""Station: one stage of the conductor. It takes, talks to the outside if it must, and leaves in one commit."""

from datetime import datetime
from typing import Protocol


class Station(Protocol):
    """What the conductor gives turns to; every error that a turn raises is the station's own trouble and no other's."""

    @property
    def name(self) -> str: ...

    def run_once(self, *, now: datetime) -> bool:
        """Take what there is to take, one commit at most a thing. Return whether there may be more at once."""
        ...
