"""The play: a story as it happens, step by step, and after it, when nothing goes wrong any more, until all is quiet."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections

from config.venues.filling import Ending
from config.venues.hours import Door
from tests.simulation.blockchain import Blockchain
from tests.simulation.blockchain_acts import Mined, NodeChanges, Other, Reorganised
from tests.simulation.boundaries import Boundaries, Died, Weather
from tests.simulation.chain import Chain
from tests.simulation.chain_settling import ChainSettling
from tests.simulation.database_trouble import DatabaseTrouble
from tests.simulation.database_troubles import Troubles
from tests.simulation.judge import Judge
from tests.simulation.judge_chain import ChainJudge
from tests.simulation.processes import Process, Setting
from tests.simulation.recorder import WatchingRecorder
from tests.simulation.scene import Outcome, Scene, Tell, say_nothing
from tests.simulation.settling import Settling
from tests.simulation.stage import FaultsOfEachCall, Stage
from tests.simulation.story import (
    SYMBOLS,
    Act,
    AtTheVenue,
    BrokerName,
    Fills,
    Market,
    Operator,
    Reorg,
    Stop,
    Story,
    Switch,
    Trouble,
    Turn,
)
from tests.simulation.wishes import wished
from tests.support.made_chain import know_tokens
from tests.support.stations import Clock
from trading.broker_auth import keys
from trading.brokers.recording import Outgoing, Recorder
from trading.chain.logs import MalformedLog
from trading.chain.node import NodeError
from trading.conductor.checkpoints import LostLease
from trading.conductor.reconciling.holding_checks import set_baseline
from trading.conductor.verbs.requests import ask
from trading.ledger import book
from trading.ledger.mode import Mode
from trading.market_hours.calendar import is_open, next_open
from trading.position.aggregate import Position
from trading.risk.controls import throw
from trading.risk.scopes import Scope
from trading.values.arithmetic import add
from trading.values.quantities import Shares
from trading.values.symbols import symbol

ENOUGH = Decimal(10) ** 9
COMMAND = 2
"""The number of whichever process an operator's command is, beside the two that have turns."""


def play(story: Story, stage: Stage, tell: Tell = say_nothing, keeper: Recorder | None = None) -> Outcome:
    """Play a story on an empty database, and judge it.

    `tell` hears what happens, line by line; `keeper` keeps every call to the venue, as the payload store does.
    """
    with Play.begun(story, stage, tell, keeper) as the_play:
        the_play.to_its_end()
        return the_play.outcome


class Play(Scene):
    """One story under way."""

    def __init__(
        self,
        story: Story,
        stage: Stage,
        clock: Clock,
        faults: FaultsOfEachCall,
        venue: Any,
        tell: Tell,
        keeper: Recorder | None,
    ) -> None:
        super().__init__(story, clock, venue, tell)
        self.story, self.faults = story, faults
        self.boundaries = Boundaries(self._meanwhile)
        self.recorder = WatchingRecorder(story.seed, self._see, lambda came: self.told(f"  {came}"), keeper)
        self.weather = Weather(story.seed, clock.forward)
        self.blockchain = None if story.chain is None else Blockchain(story.seed, story.chain, clock)
        self.setting = Setting(
            story, stage, venue, clock, self.recorder, self.boundaries, self.weather, self.blockchain
        )
        self.troubles = Troubles()
        self.ledger = self.setting.ledger()
        self._digits: int | None = None
        self.chain: Chain | Blockchain = self.blockchain or Chain()
        self._processes: dict[int, Process] = {}
        self._held_up = 0
        self._events = random.Random(f"{story.seed}/events")
        self._refused_events_rate = story.refused_events_rate
        self.judge = Judge(self)
        self.chain_judge = None if self.blockchain is None else ChainJudge(self, self.blockchain)

    @classmethod
    @contextmanager
    def begun(cls, story: Story, stage: Stage, tell: Tell, keeper: Recorder | None) -> Iterator["Play"]:
        clock = Clock() if story.started_at is None else Clock(story.started_at)
        faults = FaultsOfEachCall(story.seed, story.fault_rates)
        quiet = FaultsOfEachCall(story.seed, {})
        with ExitStack() as stack:
            venue = stack.enter_context(stage.playing(story, clock, quiet))
            the_play = cls(story, stage, clock, faults, venue, tell, keeper)
            stack.enter_context(mock.patch.object(book, "append", the_play._append))
            stack.enter_context(the_play.troubles.watching())
            # What tokens are sealed with is the one thing here that would be another each time.
            nonces = random.Random(f"{story.seed}/nonces")
            stack.enter_context(mock.patch.object(keys, "get_random_bytes", nonces.randbytes))
            the_play._set_up()
            venue.faults = faults
            the_play.recorder.rate, the_play.weather.rate = story.unkept_rate, story.weather_rate
            yield the_play

    # What the play is asked.

    def process(self, number: int = 0) -> Process:
        if number not in self._processes:
            self._processes[number] = Process(self.setting, number=number)
        return self._processes[number]

    def is_due(self, position: Position) -> bool:
        """Tell whether a position is worth a hedge."""
        return position.hedge_due(fractional_digits=self._digits) is not None

    def provide(self, name: str) -> None:
        """Let the account have enough of a symbol, and of money, so that it is not stopped for want of it again."""
        account = self.venue.exchange.account()
        account.cash_usd = add(account.cash_usd, ENOUGH)
        account.hold(name, add(account.shares_of(name), ENOUGH), Decimal(100))
        self._say_what_was_held(name, add(self.story.held[name], ENOUGH))

    def throw(self, *, on: bool, symbol: str) -> None:
        scope = Scope.SYMBOL if symbol else Scope.GLOBAL
        throw(scope, symbol, on=on, reason="as was drawn", actor="operator", at=self.clock())
        if on:
            self.judge.a_switch_was_thrown()

    # How it goes.

    def to_its_end(self) -> None:
        began = self.clock()
        for step in self.story.steps:
            self.clock.forward(step.seconds)
            for act in step.acts:
                self._act(act)
        self.outcome.hours = (self.clock() - began).total_seconds() / 3600
        self._end_the_faults()
        if self.chain_judge is not None:
            ChainSettling(self, self.chain_judge).until_read()
        settling = Settling(self)
        settling.until_quiet()
        self.judge.last_word(strict=False)
        if settling.operator_acts():
            settling.until_quiet(all_is_there=True)
            self.judge.last_word(strict=True)
        self._count()

    def turn(
        self, process: int, station: str, stop: Stop | None = None, trouble: DatabaseTrouble | None = None
    ) -> bool:
        """Give a turn, which may end in the middle. Return whether the station found something."""
        self.told(f"{station} of {process}{''.join(f', {one}' for one in (stop, trouble) if one is not None)}")
        self._under_way += 1
        if stop is not None:
            self._held_up = process
        ours, began, failure = self.process(process), self.clock(), None
        try:
            with self.boundaries.living(ours.life), self.boundaries.armed(stop), self.troubles.armed(trouble):
                worked = ours.turn(station, now=began)
        except Died:
            self._processes.pop(process)
            worked = True
        except Exception as error:  # noqa: BLE001 - as the conductor does; the judge has a look at it.
            if isinstance(error, DatabaseError | InterfaceError):
                close_old_connections()
            self._look_at(station, error, database_failed=self.troubles.failed_last)
            worked, failure = True, error
        finally:
            self._under_way -= 1
            self.judge.ends(ours.life)
        # Who died gives no sign of life, nor does a command.
        if process != COMMAND and self._processes.get(process) is ours:
            # It is no statement of a turn that is held up.
            with self.boundaries.armed(None), self.troubles.armed(None):
                ours.beat(station, now=began, worked=worked, error=failure)
        # The watcher may have read on where it found nothing.
        if self.chain_judge is not None and (worked or station == "watcher"):
            # What the judge asks the database is no statement of a turn that is held up.
            with self.boundaries.armed(None), self.troubles.armed(None):
                self.chain_judge.after_a_turn()
        if worked:
            self.judge.after_a_turn()
            self._do_what_waits()
        return worked

    def _look_at(self, station: str, error: Exception, *, database_failed: bool) -> None:
        """What a station may raise is counted: what the database or the node is at fault for; of the rest the judge
        says whether it may."""
        of_the_node = self.blockchain is not None and isinstance(error, NodeError | MalformedLog | LostLease)
        if of_the_node or (database_failed and isinstance(error, DatabaseError | InterfaceError)):
            self.outcome.troubles[f"{station}: {type(error).__name__}"] += 1
            self.told(f"  {type(error).__name__}: {error}")
        else:
            self.judge.look_at_trouble(station, error)

    def _set_up(self) -> None:
        self._install()
        if self.blockchain is None:
            know_tokens(*(f"t{name}" for name in SYMBOLS))
        self.setting.log_in()
        broker, _ = self.setting.broker(self.ledger)
        self._digits = broker.capabilities.fractional_digits
        self._know_the_account(broker)
        for name, shares in self.story.held.items():
            self._say_what_was_held(name, shares)

    def _say_what_was_held(self, name: str, shares: Decimal) -> None:
        set_baseline(
            self.venue.name,
            symbol(name),
            Shares(shares),
            actor="operator",
            reason="held besides",
            now=self.clock(),
        )

    def _act(self, act: Act) -> None:
        if not isinstance(act, Turn):
            self.told(str(act))
        match act:
            case Turn():
                self.turn(act.process, act.station, act.stop, act.trouble)
            case Fills() if isinstance(self.chain, Chain):
                self.chain.mine(act, now=self.clock())
            case Reorg() if isinstance(self.chain, Chain):
                self.chain.reorg(act, ledger=self.process().ledger, now=self.clock())
            case Mined() | Other() | Reorganised() | NodeChanges() if self.blockchain is not None:
                self.blockchain.do(act)
            case AtTheVenue():
                self._at_the_venue(act)
            case Market():
                self._move_market(act)
            case Trouble():
                self._log_in_or_out(act)
            case Operator():
                self._ask(act)
            case Switch():
                self.throw(on=act.on, symbol=act.symbol)

    def _log_in_or_out(self, act: Trouble) -> None:
        if self.story.broker is not BrokerName.SCHWAB:
            return
        match act:
            case Trouble.TOKEN_ENDS:
                self.venue.tokens.expire_access()
            case Trouble.LOGIN_ENDS:
                self.venue.tokens.revoke()
            case Trouble.LOGIN:
                self.setting.log_in()

    def _ask(self, act: Operator) -> None:
        wish = wished(act, self.process().orders(), self.judge)
        if wish is None:
            return
        asked = ask(act.verb, wish.subject, actor="operator", reason="as was drawn", now=self.clock(), **wish.details)
        if act.by_command:
            self.outcome.counts[f"by command: {act.verb}"] += 1
            self.process(COMMAND).commands(asked)
            self.turn(COMMAND, "command", act.stop)
            self._processes.pop(COMMAND)

    def _meanwhile(self, stop: Stop) -> None:
        """Time passes while a process is held up, and another has turns: a station is never twice at work in one."""
        self.clock.forward(stop.seconds)
        # What others do is no statement of the turn that is held up.
        with self.boundaries.armed(None), self.troubles.armed(None):
            for act in stop.acts:
                self._act(act)
        other = 0 if self._held_up == COMMAND else 1 - self._held_up
        for station in stop.turns:
            self.turn(other, station)

    def _end_the_faults(self) -> None:
        self._waiting.clear()
        self.outcome.faults.update(self.faults.injected)
        self.outcome.faults.update(self.recorder.failures)
        self.outcome.faults.update(self.weather.met)
        self.outcome.faults.update(self.troubles.met)
        if self.blockchain is not None:
            self.outcome.faults.update(self.blockchain.node.met)
            self.blockchain.be_well()
        self.faults.clear()
        self.recorder.rate = self.weather.rate = Decimal(0)
        self._refused_events_rate = Decimal(0)
        self.open_the_market()
        self.venue.exchange.set_rule(2, Ending.FILLED)
        self.setting.log_in()
        for name in ("", *SYMBOLS):
            self.throw(on=False, symbol=name)

    def open_the_market(self) -> None:
        """Where it goes by the calendar, that is when it opens next."""
        if not self.story.by_calendar:
            self.venue.exchange.set_door(Door.OPEN)
            return
        if not is_open(self.clock()):
            self.clock.at = next_open(self.clock()) + timedelta(minutes=1)
        self.venue.exchange.set_door(Door.CALENDAR)

    # What happens inside a turn.

    def _see(self, call: Outgoing) -> None:
        self.boundaries.refuse_the_dead()
        # Without the port, which is another each time.
        path = call.url.removeprefix(self.setting.stage.url)
        self.told(f"{call.method} {path} for {call.reference.order or call.reference.purpose}")
        if self.boundaries.is_within_a_transaction():
            self.wrong(f"{call.method} {call.url} was about to be sent inside a transaction")
        if call.reference.purpose == "submit":
            self.judge.before_an_order(call)

    def _append(self, *arguments: Any, **options: Any) -> Any:
        """Append to the event store, or refuse, where the legacy rows are the truth and it was drawn so."""
        if self.story.mode is Mode.DUAL and self._events.random() < self._refused_events_rate:
            self.outcome.counts["events refused"] += 1
            raise OperationalError("the event store takes nothing, as was drawn")
        return REAL_APPEND(*arguments, **options)

    def _count(self) -> None:
        counts = self.outcome.counts
        counts["deaths"], counts["delays"] = self.boundaries.deaths, self.boundaries.waits
        counts["calls"] = self.recorder.calls
        counts["orders"] = len(self.process().orders())
        counts["orders at the venue"] = len(self.venue.exchange.orders)
        counts["fills at the venue"] = sum(len(order.fills) for order in self.venue.exchange.orders)
        counts["fills on chain"] = self.chain.fills
        self.outcome.history = self.venue.history()


REAL_APPEND = book.append
