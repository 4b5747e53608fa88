"""Wiring: the parts that the settings ask for, put together."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from audit_trail.executions.carrier import Carrier
from audit_trail.executions.known import DecisionOrders
from audit_trail.executions.poller import DecisionPoller
from config.broker_environment import trading_mode
from config.brokers import make_broker, make_token_refresher
from config.environment import (
    BrokerSettings,
    HedgeSettings,
    LedgerSettings,
    broker_settings,
    hedge_settings,
    ledger_settings,
)
from config.stand_in import is_calendar_left_out
from config.timing_environment import exposure_seconds, polling
from eventstore.integrity.sealer import Sealer
from trading.brokers.alpaca.identity import Mode as TradingMode
from trading.brokers.port import Broker
from trading.brokers.recording import Recorder
from trading.chain.node import Node, NodeUnavailable, RetryPolicy
from trading.conductor.conductor import Conductor
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.drainer import Drainer
from trading.conductor.enricher import Enricher
from trading.conductor.exposure_age import ExposureWatch
from trading.conductor.hedger import Hedger
from trading.conductor.intents import hedge_intents
from trading.conductor.logins.refresher import TokenRefresher
from trading.conductor.poller import YOUNG_EVERY, Poller
from trading.conductor.processes import process_name
from trading.conductor.processor import Processor
from trading.conductor.reconciling.identity import AccountCheck, OurAccount
from trading.conductor.reconciling.reconciler import Reconciler
from trading.conductor.refresher import Refresher
from trading.conductor.station import Station
from trading.conductor.switched import switched
from trading.conductor.verbs.clerk import Clerk
from trading.conductor.verbs.hand_orders import HandOrders
from trading.conductor.verbs.order_verbs import OrderVerbs
from trading.conductor.verbs.symbol_verbs import SymbolVerbs
from trading.conductor.watcher import Watcher
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.market_hours.calendar import YearNotCovered, is_open
from trading.pnl.profits import Profits
from trading.risk.checking import Gate
from trading.risk.situation import Terms
from trading.values.thresholds import threshold

DRY_RUN_POLL = timedelta(seconds=0.5)


@dataclass(frozen=True)
class Wired:
    """Everything between the chain and the broker, in the order in which a fill passes it."""

    ledger: Ledger
    node: Node
    broker: Broker
    watcher: Watcher
    processor: Processor
    enricher: Enricher
    refresher: Refresher
    hedger: Hedger
    dispatcher: Dispatcher
    poller: Poller
    decision_poller: DecisionPoller
    tokens: TokenRefresher | None
    """None where the broker needs no login."""
    reconciler: Reconciler
    clerk: Clerk
    exposure_watch: ExposureWatch
    drainer: Drainer
    profits: Profits
    sealer: Sealer | None
    """None in `legacy`, where logins alone leave events: they are sealed from `dual` on."""
    settings: HedgeSettings
    stopping: threading.Event
    """Set to end: whoever waits for the node or between turns stops waiting."""

    @property
    def stations(self) -> list[Station]:
        """Those that a conductor runs."""
        return [
            self.watcher,
            self.processor,
            self.enricher,
            self.refresher,
            self.hedger,
            self.dispatcher,
            self.poller,
            self.decision_poller,
            *([] if self.tokens is None else [self.tokens]),
            self.reconciler,
            self.clerk,
            self.exposure_watch,
            self.drainer,
            self.profits,
            *([] if self.sealer is None else [self.sealer]),
        ]

    def conductor(self) -> Conductor:
        return Conductor(self.stations, clock=timezone.now, process=process_name(), stopping=self.stopping)


def make_ledger(settings: LedgerSettings | None = None) -> Ledger:
    """The ledger that the environment asks for. Raises SettingError."""
    settings = settings or ledger_settings()
    return Ledger(
        Mode(settings.mode),
        threshold=threshold(settings.threshold),
        legacy_projection=settings.legacy_projection,
    )


def make_node(settings: HedgeSettings, stopping: threading.Event | None = None) -> Node:
    if stopping is None:
        return Node(settings.rpc_url)

    def pause(seconds: float) -> None:
        if stopping.wait(seconds):
            raise NodeUnavailable(
                "stopped while waiting to ask the node again"
            )  # A silent node is not asked once more.

    return Node(settings.rpc_url, retry=RetryPolicy(pause=pause))


def stations_without_a_chain() -> list[Station]:
    """Those of an installation that only decides: orders, login, holdings, requests and log. Raises SettingError."""
    chosen, books = broker_settings(), make_ledger()
    simulated = chosen.broker == "dry_run"
    venue = make_broker(chosen, books)
    decisions, may_trade = DecisionOrders(venue.name), AccountCheck(venue, simulated=simulated)
    tokens = make_token_refresher(chosen, books)
    return [
        decision_poller_of(venue, books, DRY_RUN_POLL if simulated else polling().every, may_trade=may_trade),
        *([] if tokens is None else [tokens]),
        Reconciler(broker=venue, ledger=books, other_books=[decisions.holdings], busy=[decisions.busy]),
        clerk_of(venue, books, make_gate(chosen, venue, books), may_trade=may_trade),
        Drainer(ledger=books),
        *([] if books.mode is Mode.LEGACY else [Sealer(folder=settings.SEAL_FOLDER)]),
    ]


def decision_poller_of(
    broker: Broker, ledger: Ledger, poll_every: timedelta, *, may_trade: AccountCheck
) -> DecisionPoller:
    return DecisionPoller(
        carrier=Carrier(broker=broker, ledger=ledger, clock=timezone.now, poll_every=poll_every, may_trade=may_trade)
    )


def make_clerk() -> Clerk:
    """Whoever does what operators ask for, at the broker that the environment names. Raises SettingError."""
    settings, ledger = broker_settings(), make_ledger()
    broker = make_broker(settings, ledger)
    may_trade = AccountCheck(broker, simulated=settings.broker == "dry_run")
    return clerk_of(broker, ledger, make_gate(settings, broker, ledger), may_trade=may_trade)


def clerk_of(broker: Broker, ledger: Ledger, gate: Gate, *, may_trade: OurAccount) -> Clerk:
    others = [DecisionOrders(broker.name)]
    return Clerk(
        orders=OrderVerbs(broker=broker, ledger=ledger, may_trade=may_trade, others=others),
        by_hand=HandOrders(broker=broker, ledger=ledger, gate=gate),
        symbols=SymbolVerbs(ledger=ledger),
    )


def make_gate(settings: BrokerSettings, broker: Broker, ledger: Ledger) -> Gate:
    """The risk gate before a broker. The dry run's account trades nothing real, and its market never closes.

    Elsewhere the calendar of the exchange must say what the broker's clock says, unless it is left out at a stand-in.
    """
    simulated = settings.broker == "dry_run"
    paper = True if simulated else trading_mode() is TradingMode.PAPER
    asks_calendar = not simulated and not is_calendar_left_out(settings.broker)
    return Gate(
        broker=broker.name,
        terms=Terms(capabilities=broker.capabilities, paper=paper),
        intents=[hedge_intents(ledger), DecisionOrders(broker.name).intents],
        session_open=_session_open if asks_calendar else None,
    )


def _session_open(at: datetime) -> bool | None:
    try:
        return is_open(at)
    except YearNotCovered:
        return None  # Which denies every order, with that reason.


def wire(
    *,
    hedge: HedgeSettings | None = None,
    broker: BrokerSettings | None = None,
    ledger: LedgerSettings | None = None,
    recorder: Recorder | None = None,
    poll_every: timedelta | None = None,
    batch: int | None = None,
) -> Wired:
    """Put together what the environment, or the settings given, ask for. Raises SettingError."""
    hedge, broker = hedge or hedge_settings(), broker or broker_settings()
    oldest, before_close = exposure_seconds()
    books = make_ledger(ledger)
    stopping = threading.Event()
    node, venue = make_node(hedge, stopping), make_broker(broker, books, recorder=recorder)
    simulated = broker.broker == "dry_run"
    asks = polling()
    pause = poll_every or (DRY_RUN_POLL if simulated else asks.every)
    sizes = {} if batch is None else {"batch": batch}
    gate = make_gate(broker, venue, books)
    hedger = Hedger(broker=venue, ledger=books, gate=gate)
    decisions = DecisionOrders(venue.name)
    may_trade = AccountCheck(venue, simulated=simulated)
    return Wired(
        ledger=books,
        node=node,
        broker=venue,
        watcher=Watcher(
            node=node,
            orderbook=hedge.orderbook,
            deployment_block=hedge.deployment_block,
            cutoff_tag=hedge.cutoff.tag,
            cutoff_seconds=hedge.cutoff.minus_seconds,
            ledger=books,
            holder=process_name(),
        ),
        processor=Processor(node=node, owner=hedge.owner, usdc=hedge.usdc, ledger=books, **sizes),
        enricher=Enricher(node=node, pyth=hedge.pyth, ledger=books),
        refresher=Refresher(broker=venue, wanting=hedger.asked_about),
        hedger=hedger,
        dispatcher=Dispatcher(
            broker=switched(venue),
            ledger=books,
            clock=timezone.now,
            poll_after=min(pause, YOUNG_EVERY),
            may_trade=may_trade,
            others=[decisions],
        ),
        poller=Poller(broker=venue, ledger=books, poll_every=pause, jitter=timedelta(0) if simulated else asks.jitter),
        decision_poller=decision_poller_of(venue, books, pause, may_trade=may_trade),
        tokens=make_token_refresher(broker, books, recorder=recorder),
        reconciler=Reconciler(broker=venue, ledger=books, other_books=[decisions.holdings], busy=[decisions.busy]),
        clerk=clerk_of(venue, books, gate, may_trade=may_trade),
        exposure_watch=ExposureWatch(
            broker=venue,
            ledger=books,
            limit=timedelta(seconds=oldest),
            before_close=timedelta(seconds=before_close),
        ),
        drainer=Drainer(ledger=books),
        profits=Profits(ledger=books),
        sealer=None if books.mode is Mode.LEGACY else Sealer(folder=settings.SEAL_FOLDER),
        settings=hedge,
        stopping=stopping,
    )
