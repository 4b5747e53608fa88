"""Wiring: the parts that the settings ask for, put together."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from config.environment import (
    BrokerSettings,
    HedgeSettings,
    LedgerSettings,
    SettingError,
    broker_settings,
    hedge_settings,
    ledger_settings,
)
from eventstore.integrity.sealer import Sealer
from trading.brokers.dry_run.behaviour import Behaviour, Behaviours
from trading.brokers.dry_run.broker import DryRunBroker
from trading.brokers.port import Broker
from trading.chain.node import Node, NodeUnavailable, RetryPolicy
from trading.conductor.conductor import Conductor
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.drainer import Drainer
from trading.conductor.enricher import Enricher
from trading.conductor.hedger import Hedger
from trading.conductor.intents import hedge_intents
from trading.conductor.poller import Poller
from trading.conductor.processes import process_name
from trading.conductor.processor import Processor
from trading.conductor.refresher import Refresher
from trading.conductor.switched import switched
from trading.conductor.watcher import Watcher
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.risk.checking import Gate
from trading.risk.situation import Terms
from trading.values.symbols import Symbol, symbol
from trading.values.thresholds import threshold

DRY_RUN_POLL = timedelta(seconds=0.5)
POLL = timedelta(seconds=5)


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
    drainer: Drainer
    sealer: Sealer | None
    """None where no events are written."""
    settings: HedgeSettings
    stopping: threading.Event
    """Set to end: whoever waits for the node or between turns stops waiting."""

    def conductor(self) -> Conductor:
        return Conductor(
            [
                self.watcher,
                self.processor,
                self.enricher,
                self.refresher,
                self.hedger,
                self.dispatcher,
                self.poller,
                self.drainer,
                *([] if self.sealer is None else [self.sealer]),
            ],
            clock=timezone.now,
            process=process_name(),
            stopping=self.stopping,
        )


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


def make_broker(settings: BrokerSettings, ledger: Ledger) -> Broker:
    """The broker that the environment asks for. Raises SettingError."""
    if settings.broker != "dry_run":
        raise SettingError(
            f"BROKER is {settings.broker!r}, for which there is no adapter in this version: expected dry_run"
        )
    dry_run = settings.dry_run
    return DryRunBroker(
        clock=timezone.now,
        prices=lambda asked: last_price(ledger, asked),
        behaviours=Behaviours(
            default=Behaviour(dry_run.behaviour),
            exceptions={symbol(name): Behaviour(word) for name, word in dry_run.exceptions},
        ),
        fill_seconds=dry_run.fill_seconds,
        latency_seconds=dry_run.latency_seconds,
    )


def make_gate(settings: BrokerSettings, broker: Broker, ledger: Ledger) -> Gate:
    """The risk gate before a broker. The dry run's account trades nothing real, and its market never closes."""
    paper = True if settings.broker == "dry_run" else None
    return Gate(
        broker=broker.name,
        terms=Terms(capabilities=broker.capabilities, paper=paper),
        intents=[hedge_intents(ledger)],
    )


def last_price(ledger: Ledger, asked: Symbol) -> Decimal | None:
    """The price of the newest fill on chain, which the dry run fills at."""
    for position in ledger.memory().positions():
        if position.symbol == asked and position.last_price is not None:
            return position.last_price.price_usdc
    return None


def wire(
    *,
    hedge: HedgeSettings | None = None,
    broker: BrokerSettings | None = None,
    ledger: LedgerSettings | None = None,
    poll_every: timedelta | None = None,
    batch: int | None = None,
) -> Wired:
    """Put together what the environment, or the settings given, ask for. Raises SettingError."""
    hedge, broker = hedge or hedge_settings(), broker or broker_settings()
    books = make_ledger(ledger)
    stopping = threading.Event()
    node, venue = make_node(hedge, stopping), make_broker(broker, books)
    pause = poll_every or (DRY_RUN_POLL if broker.broker == "dry_run" else POLL)
    sizes = {} if batch is None else {"batch": batch}
    hedger = Hedger(broker=venue, ledger=books, gate=make_gate(broker, venue, books))
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
        dispatcher=Dispatcher(broker=switched(venue), ledger=books, poll_after=pause),
        poller=Poller(broker=venue, ledger=books, poll_every=pause),
        drainer=Drainer(ledger=books),
        sealer=None if books.mode is Mode.LEGACY else Sealer(folder=settings.SEAL_FOLDER),
        settings=hedge,
        stopping=stopping,
    )
