"""Settling of decisions: after the faults, until no order is open and nothing is left to an operator."""

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from audit_trail.executions.models import TradeExecution
from config.venues.filling import Ending
from tests.simulation.deciding_story import Run
from trading.market_hours.calendar import NEW_YORK, session_of

if TYPE_CHECKING:
    from tests.simulation.deciding import DecidingPlay

ROUNDS = 120
AGAIN_SECONDS = 300
DAY = timedelta(days=1)


class DecidingSettling:
    """Brings one play to its end."""

    def __init__(self, play: "DecidingPlay") -> None:
        self._play = play

    def until_quiet(self) -> None:
        """Go to the next day and poll, as a conductor does, until what is open is left to an operator alone."""
        self._to_the_next_day()
        self._play.venue.exchange.set_rule(2, Ending.FILLED)
        self._poll()
        self._compare_holdings()

    def operator_acts(self) -> None:
        """Do what notices ask for: ask about what is unknown, and say that it is not there where it is not."""
        for row in self._play.judge.with_operator():
            decision = str(row.trade_decision.decision_id)
            self._play.run(Run(machine=0, words=("recheck_decisions", decision)))
            row.refresh_from_db()
            if row.is_open and not self._play.judge.is_there(row.trade_decision_id):
                words = ("cancel_decision", decision, "--reason", "looked at the venue", "--not-there")
                self._play.run(Run(machine=0, words=words))
        self._poll()
        self._compare_holdings()

    def another_day(self) -> None:
        """Trade a day on which nothing goes wrong."""
        self._to_the_next_day()
        code = self._play.run(Run(machine=0, words=("trade_day", "--follow", "60")))
        self._poll()
        for side in ("sell", "buy"):
            # What is not the time for yet, as while the venue takes no more calls, is tried again, as it is told.
            self._play.clock.forward(AGAIN_SECONDS)
            self._play.run(Run(machine=0, words=("execute_decisions", "--follow", "60", "--side", side)))
        self._poll()
        self._play.judge.after_a_clean_day(code)

    def _to_the_next_day(self) -> None:
        day = self._play.clock().astimezone(NEW_YORK).date() + DAY
        while session_of(day) is None:
            day += DAY
        self._play.clock.at = datetime.combine(day, time(10), tzinfo=NEW_YORK).astimezone(self._play.clock().tzinfo)

    def _poll(self) -> None:
        for _ in range(ROUNDS):
            due = self._due()
            if not due:
                return
            self._play.clock.forward(1)
            soon = min((row.not_before for row in due if row.not_before is not None), default=self._play.clock())
            self._play.clock.at = max(self._play.clock(), soon)
            self._play.run(Run(machine=0, words=("poll",)))
        left = ", ".join(f"{row} ({row.status})" for row in self._due())
        self._play.wrong(f"V2: not quiet after {ROUNDS} rounds: {left}")

    def _compare_holdings(self) -> None:
        """As a conductor does now and then: what was different until a late fill was booked is so no more."""
        self._play.clock.forward(AGAIN_SECONDS)
        self._play.run(Run(machine=0, words=("reconcile",)))

    def _due(self) -> list[TradeExecution]:
        """What is open, or still asked about."""
        waiting = {row.pk for row in self._play.judge.with_operator()}
        rows = TradeExecution.objects.order_by("id")
        return [row for row in rows if row.pk not in waiting and (row.is_open or row.not_before is not None)]
