"""The play of decisions: a story's days as they happen, by the commands of ours as they are, until all is quiet.

Every command is a process of its own. Where two are at work at once, the one is held up at a statement, a commit or a
call while the other runs to its end.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import httpx2
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from audit_trail.decisions.models import UNDER_WAY, TradeDecision
from audit_trail.executions.models import TradeExecution
from audit_trail.ingestion.models import DataIngestionRun
from config.decisions import wired_decisions
from config.wiring import stations_without_a_chain
from tests.simulation.boundaries import Boundaries, Died, Weather
from tests.simulation.database_troubles import Troubles
from tests.simulation.deciding_settling import DecidingSettling
from tests.simulation.deciding_sources import Sources
from tests.simulation.deciding_story import AtTheSource, DecidingStory, Published, Run, Sending, Thrown, Wish, Wishing
from tests.simulation.deciding_surroundings import BROKER_URL, Machines, surrounded
from tests.simulation.judge_decisions import DecisionsJudge
from tests.simulation.scene import Outcome, Scene, Tell, say_nothing
from tests.simulation.stage import FaultsOfEachCall, InThisProcess, Stage
from tests.simulation.story import AtTheVenue, Market, Place, Stop
from tests.support.stations import Clock
from trading.brokers.outcomes import BrokerError
from trading.risk.controls import throw
from trading.risk.scopes import Scope

OURSELVES = ("poll", "reconcile")
"""What no command of ours does, but a station of a conductor, or a schedule."""


def play_decisions(story: DecidingStory, stage: Stage, tell: Tell = say_nothing) -> Outcome:
    """Play a story on an empty database, and judge it."""
    with DecidingPlay.begun(story, stage, tell) as the_play:
        the_play.to_its_end()
        return the_play.outcome


class DecidingPlay(Scene):
    """One story under way."""

    def __init__(self, story: DecidingStory, stage: Stage, clock: Clock, venue: Any, tell: Tell) -> None:
        super().__init__(story, clock, venue, tell)
        self.story, self.stage = story, stage
        self.boundaries = Boundaries(self._meanwhile)
        self.machines = Machines(self.boundaries)
        self.weather = Weather(story.seed, clock.forward)
        self.troubles = Troubles()
        self.faults = [FaultsOfEachCall(story.seed, story.fault_rates) for _ in range(2)]
        self.sources = Sources(story, clock, FaultsOfEachCall(story.seed, {}))
        self.judge = DecisionsJudge(self)
        self.calls = 0

    @classmethod
    @contextmanager
    def begun(cls, story: DecidingStory, stage: Stage, tell: Tell) -> Iterator["DecidingPlay"]:
        clock = Clock(story.started_at)
        with ExitStack() as stack:
            venue = stack.enter_context(stage.playing(story, clock, FaultsOfEachCall(story.seed, {})))
            the_play = cls(story, stage, clock, venue, tell)
            stack.callback(the_play.sources.venue.close)
            stack.enter_context(
                surrounded(story, clock, the_play.machines, venue, the_play.sources.venue, the_play._line_to)
            )
            stack.enter_context(the_play.troubles.watching())
            the_play._set_up()
            venue.faults, the_play.sources.venue.faults = the_play.faults
            the_play.weather.rate = story.weather_rate
            yield the_play

    # How it goes.

    def to_its_end(self) -> None:
        began = self.clock()
        for moment in self.story.steps:
            self.clock.at = max(self.clock(), moment.at)
            for act in moment.acts:
                self.act(act)
        self.outcome.hours = (self.clock() - began).total_seconds() / 3600
        self._end_the_faults()
        settling = DecidingSettling(self)
        settling.until_quiet()
        self.judge.last_word(strict=False)
        settling.operator_acts()
        settling.another_day()
        self.judge.last_word(strict=True)
        self._count()

    def act(self, act: Any) -> None:
        if not isinstance(act, Run | Wish):
            self.told(str(act))
        match act:
            case Run():
                self.run(act)
            case Published():
                self.sources.publish(act)
            case AtTheSource():
                self.sources.do(act)
            case Wish():
                self._ask(act)
            case Thrown():
                self.throw(act.scope, act.subject, on=act.on)
            case AtTheVenue():
                self._at_the_venue(act)
            case Market():
                self._move_market(act)

    def run(self, act: Run) -> int:
        """Let a command run to its end, whichever that is. Return the code that it ends with."""
        self.told(str(act))
        code, out = 0, StringIO()
        with self.machines.running(act.machine) as process:
            self.judge.begins(process, act.words[0], troubled=act.trouble is not None)
            self._under_way += 1
            try:
                with self.boundaries.armed(act.stop), self.troubles.armed(act.trouble):
                    self._work(act.words, out)
            except Died as death:
                code = 137
                self.told(f"dies {death}")
            except (CommandError, SystemExit) as end:
                code = end.returncode if isinstance(end, CommandError) else int(end.code or 0)
                self.told(f"{code}: {end}")
            except Exception as error:  # noqa: BLE001 - as whoever runs a command sees it; the judge has a look at it.
                code = 1
                self._look_at(act.words[0], error)
            finally:
                self._under_way -= 1
                self.judge.ends(process, died=code == 137)
        self._tell_lines(out)
        self.outcome.counts[f"{act.words[0]} ended with {code}"] += 1
        if self.troubles.failed_last:
            close_old_connections()
        self.judge.after_a_command()
        self._do_what_waits()
        return code

    def throw(self, scope: Scope, subject: str, *, on: bool) -> None:
        throw(scope, subject, on=on, reason="as was drawn", actor="operator", at=self.clock())
        if on:
            self.judge.a_switch_was_thrown()

    def open_executions(self) -> list[TradeExecution]:
        return [row for row in TradeExecution.objects.order_by("id") if row.is_open]

    # Parts.

    def _work(self, words: tuple[str, ...], out: StringIO) -> None:
        match words:
            case ("poll",):
                with wired_decisions() as wired:
                    wired.poller.run_once(now=timezone.now())
            case ("reconcile",):
                for station in stations_without_a_chain():
                    if station.name == "reconciler":
                        station.run_once(now=timezone.now())
            case _:
                call_command(*words, stdout=out, stderr=out)

    def _look_at(self, command: str, error: Exception) -> None:
        self.outcome.troubles[f"{command}: {type(error).__name__}"] += 1
        self.told(f"{type(error).__name__}: {error}")
        of_the_database = self.troubles.failed_last and isinstance(error, DatabaseError | InterfaceError)
        of_a_station = command in OURSELVES and isinstance(error, BrokerError)
        if not of_the_database and not of_a_station:
            self.wrong(f"{command} raised {type(error).__name__}: {error}")

    def _tell_lines(self, out: StringIO) -> None:
        for line in out.getvalue().splitlines():
            self.told(f"    | {line}")

    def _ask(self, wish: Wish) -> None:
        found = TradeDecision.objects.order_by("-id").values_list("pk", "decision_id")
        rows = (wish.under_way and list(found.filter(status__in=UNDER_WAY))) or list(found)
        if not rows:
            return
        pk, decision = rows[wish.which % len(rows)]
        words: tuple[str, ...] = ("cancel_decision", str(decision), "--reason", "as was drawn")
        if wish.wishing is Wishing.RECHECK:
            words = ("recheck_decisions", str(decision))
        elif wish.wishing is Wishing.NOT_THERE and not self.judge.is_there(pk):
            words = (*words, "--not-there")
        self.run(Run(machine=wish.machine, words=words))

    def _meanwhile(self, stop: Stop) -> None:
        self.clock.forward(stop.seconds)
        for act in stop.acts:
            self.act(act)

    def _set_up(self) -> None:
        self._install()
        with wired_decisions() as wired:
            self._know_the_account(wired.broker)

    def _end_the_faults(self) -> None:
        self._waiting.clear()
        for faults in self.faults:
            self.outcome.faults.update(faults.injected)
            faults.clear()
        self.outcome.faults.update(self.weather.met)
        self.outcome.faults.update(self.troubles.met)
        self.outcome.faults.update(self.sources.done)
        self.weather.rate = Decimal(0)
        self.sources.mend("congress", "insiders")
        for scope, subject in ((Scope.GLOBAL, ""), (Scope.STRATEGY, "portfolio"), (Scope.BROKER, "alpaca")):
            self.throw(scope, subject, on=False)
        for name in self.venue.exchange.book.instruments:
            self.throw(Scope.SYMBOL, name, on=False)

    def _line_to(self, url: str) -> httpx2.BaseTransport:
        return _Line(self, self.stage.line if url.rstrip("/") == BROKER_URL else InThisProcess(self._told_by_quiver))

    def _told_by_quiver(self, asked: Any) -> tuple[Any, datetime]:
        return self.sources.venue.handle(asked), self.clock()

    def _count(self) -> None:
        counts: Counter[str] = self.outcome.counts
        counts["deaths"], counts["delays"] = self.boundaries.deaths, self.boundaries.waits
        counts["calls"] = self.calls
        counts["decisions"] = TradeDecision.objects.count()
        counts["executions"] = TradeExecution.objects.count()
        counts["ingestion runs"] = DataIngestionRun.objects.count()
        counts["orders at the venue"] = len(self.venue.exchange.orders)
        counts["sales at the venue"] = sum(order.ask.side == "SELL" for order in self.venue.exchange.orders)
        for status in TradeDecision.objects.values_list("status", flat=True):
            counts[f"decisions {status}"] += 1
        self.outcome.history = self.venue.history()


class _Line(httpx2.BaseTransport):
    """One process's line to a venue or a source, on which the judge looks at each call before it leaves."""

    def __init__(self, play: DecidingPlay, line: httpx2.BaseTransport) -> None:
        self._play, self._line = play, line

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        play = self._play
        play.boundaries.refuse_the_dead()
        play.calls += 1
        play.told(f"{request.method} {request.url.raw_path.decode()[:100]}")
        call = play.judge.before_a_call(request)
        play.boundaries.reached(Place.BEFORE_CALL)
        is_an_order = request.method == "POST"
        if is_an_order:
            play.boundaries.reached(Sending.BEFORE)
        try:
            play.weather.before(request)
            response = self._line.handle_request(request)
            response.read()
            play.weather.after(request)
        except httpx2.RequestError as error:
            play.told(f"  {error}")
            raise
        play.told(f"  {response.status_code}")
        play.judge.answered(call, response)
        play.boundaries.reached(Place.AFTER_CALL)
        if is_an_order:
            play.boundaries.reached(Sending.AFTER)
        return response

    def close(self) -> None:
        """It ends with the process."""
