"""Breakages: one guarantee of the pipeline taken out, to see that the judge finds that it is gone.

python -m tests.simulation.breakages NAME --schedules 20 --broker alpaca [--first-seed N] [--tell]
"""

import os
import sys
from collections.abc import Callable
from unittest import mock

from tests.simulation.__main__ import main
from tests.simulation.runs import PROJECT, theatre


def no_intent_is_committed() -> None:
    """An order is sent before it is committed that it is being sent."""
    from trading.conductor.dispatcher import Dispatcher

    mock.patch.object(Dispatcher, "_may_send", return_value=True).start()


def what_is_in_doubt_is_sent_again() -> None:
    """An order that the broker may have is sent anew instead of looked for."""
    from trading.submission.submitter import AtTheBroker, Submitter

    mock.patch.object(Submitter, "_look", lambda self, request, *_: AtTheBroker(self._broker.submit(request))).start()


def switches_are_not_read() -> None:
    """Nobody looks whether a kill switch is on: neither who places nor who sends."""
    import msgspec

    from trading.conductor import switched
    from trading.risk import checking

    read = checking.controls_in_force
    mock.patch.object(
        checking, "controls_in_force", lambda now: msgspec.structs.replace(read(now), switches=())
    ).start()
    mock.patch.object(switched, "standing_switch", return_value=None).start()


def late_fills_are_dropped() -> None:
    """What fills after an order ended is not booked."""
    from trading.conductor import reports

    mock.patch.object(reports, "_record_late", return_value=None).start()


def nobody_leaves_orders_to_others() -> None:
    """Two processes send one order at the same time."""
    from trading.conductor import dispatcher

    mock.patch.object(dispatcher, "claim", return_value=True).start()
    mock.patch.object(dispatcher, "left_to_others", return_value=set()).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        no_intent_is_committed,
        what_is_in_doubt_is_sent_again,
        switches_are_not_read,
        late_fills_are_dropped,
        nobody_leaves_orders_to_others,
    )
}


if __name__ == "__main__":
    os.chdir(PROJECT)
    theatre()
    BREAKAGES[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
