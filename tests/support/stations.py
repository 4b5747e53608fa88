"""Stations: all of them on one database with a clock of the test's own, given their turns one by one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from config.brokers import last_price
from config.wiring import clerk_of
from tests.support.facts import given_facts
from tests.support.made_chain import FIRST_BLOCK, ORDERBOOK, OWNER, USDC, know_tokens, log_of, take
from trading.brokers.dry_run.behaviour import Behaviours
from trading.brokers.dry_run.broker import DryRunBroker
from trading.brokers.port import Broker
from trading.chain.logs import Log
from trading.chain.node import Node
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.drainer import Drainer
from trading.conductor.enricher import Enricher
from trading.conductor.hedger import Hedger
from trading.conductor.inbox import QueuedLog
from trading.conductor.intents import hedge_intents
from trading.conductor.poller import YOUNG_EVERY, Poller
from trading.conductor.processor import Processor
from trading.conductor.refresher import Refresher
from trading.conductor.station import Station
from trading.conductor.switched import switched
from trading.conductor.watcher import Watcher, queue
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.notices.models import open_notices
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.position.aggregate import Position
from trading.risk.checking import Gate
from trading.risk.facts import known
from trading.risk.situation import Terms
from trading.values.symbols import Symbol
from trading.values.thresholds import threshold

PYTH = "0x8250f4af4b972684f7b336503e2d6dfedeb1487a"
MODES = tuple(Mode)
# A station that says so often that there is more to do never ends.
MOST_TURNS = 2_000


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 16, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


class NoNode:
    """A node that nobody may ask."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*args: Any, **options: Any) -> Any:
            raise AssertionError(f"the node was asked for {name}{args}")

        return ask


class PlayedAccount:
    """The account that the broker has us in: ours, another one, or one that it does not tell."""

    def __init__(self) -> None:
        self.is_ours, self.is_told = True, True

    def __call__(self, now: datetime) -> bool:
        return self.is_ours and self.is_told

    def is_another(self, now: datetime) -> bool:
        return self.is_told and not self.is_ours


class Stations:
    """The hedge pipeline, stopped between any two turns."""

    def __init__(
        self,
        *,
        mode: Mode = Mode.DUAL,
        node: Node | None = None,
        broker: Broker | None = None,
        clock: Clock | None = None,
        behaviours: Behaviours | str = "fill",
        fill_seconds: str = "0",
        fractional_digits: int | None = None,
        hedge_at: str = "1 share",
        batch: int = 500,
        chain: Mapping[str, Any] | None = None,
        holder: str = "test:1",
        largest_range: int = 10_000,
        legacy_projection: bool = True,
        poll_seconds: float = 0.5,
        cutoff_tag: str = "latest",
        refreshed: bool = False,
        terms: Terms | None = None,
        session_open: Callable[[datetime], bool | None] | None = None,
    ) -> None:
        """Stations whose gate finds every fact fresh, or, `refreshed`, only what the refresher brought."""
        self.clock = clock or Clock()
        chain = chain or {}
        self.ledger = Ledger(mode, threshold=threshold(hedge_at), legacy_projection=legacy_projection)
        self.node: Any = node if node is not None else NoNode()
        self.broker: Broker = broker or DryRunBroker(
            clock=self.clock,
            prices=lambda asked: last_price(self.ledger, asked),
            behaviours=Behaviours.parse(behaviours) if isinstance(behaviours, str) else behaviours,
            fill_seconds=Decimal(fill_seconds),
            fractional_digits=fractional_digits,
        )
        orderbook = str(chain.get("orderbook", ORDERBOOK)).lower()
        self.orderbook = orderbook
        self.poll_every = poll = timedelta(seconds=poll_seconds)
        self.watcher = Watcher(
            node=self.node,
            orderbook=orderbook,
            deployment_block=int(chain.get("first", FIRST_BLOCK)),
            cutoff_tag=cutoff_tag,
            cutoff_seconds=0,
            ledger=self.ledger,
            holder=holder,
            largest_range=largest_range,
        )
        self.processor = Processor(
            node=self.node,
            owner=str(chain.get("owner", OWNER)).lower(),
            usdc=str(chain.get("usdc", USDC)).lower(),
            ledger=self.ledger,
            batch=batch,
        )
        self.enricher = Enricher(node=self.node, pyth=PYTH, ledger=self.ledger)
        self.gate = Gate(
            broker=self.broker.name,
            terms=terms or Terms(capabilities=self.broker.capabilities, paper=True),
            intents=[hedge_intents(self.ledger)],
            session_open=session_open,
            facts=known if refreshed else given_facts(self.broker.capabilities, self.clock),
        )
        self.hedger = Hedger(broker=self.broker, ledger=self.ledger, gate=self.gate)
        self.refresher = Refresher(broker=self.broker, wanting=self.hedger.asked_about)
        self.dispatcher = Dispatcher(
            broker=switched(self.broker),
            ledger=self.ledger,
            clock=self.clock,
            poll_after=min(poll, YOUNG_EVERY),
            sender=holder,
        )
        self.poller = Poller(broker=self.broker, ledger=self.ledger, poll_every=poll)
        self.drainer = Drainer(ledger=self.ledger)
        self.account = PlayedAccount()
        self.clerk = clerk_of(self.broker, self.ledger, self.gate, may_trade=self.account)

    # Turns

    def run(self, station: Station) -> int:
        """Give a station turns until it has no more to do now. Return how many found something."""
        for turns in range(MOST_TURNS):
            if not station.run_once(now=self.clock()):
                return turns
        raise AssertionError(f"the {station.name} does not come to an end")

    def read(self) -> None:
        """Read the chain to its head."""
        self.run(self.watcher)

    def process(self) -> None:
        self.run(self.processor)

    def hedge(self) -> None:
        """Place, submit and poll until nothing is left to do now."""
        while sum(self.run(station) for station in (self.hedger, self.dispatcher, self.poller)):
            continue

    def lockstep(self, after: Callable[[QueuedLog], None] = lambda log: None) -> None:
        """Process one log at a time, and hedge as far as possible after each."""
        while True:
            log = QueuedLog.objects.filter(processed=False).order_by("block_number", "log_index").first()
            if log is None:
                return
            self.processor.process([log], now=self.clock())
            self.hedge()
            after(log)

    def fill(self, *logs: Log) -> None:
        """Queue logs, and process them."""
        queue(logs, now=self.clock())
        self.process()

    def forward(self, seconds: float) -> datetime:
        return self.clock.forward(seconds)

    # Looking

    def positions(self) -> dict[str, Position]:
        return {position.symbol: position for position in self.ledger.memory().positions()}

    def position(self, symbol: str) -> Position:
        return self.positions()[symbol]

    def net(self, symbol: str) -> Decimal:
        return self.position(symbol).net

    def orders(self, symbol: str | None = None) -> list[OffchainOrder]:
        orders = self.ledger.memory().orders(set(OrderState) - {OrderState.NOT_PLACED})
        return [order for order in orders if symbol in (None, order.symbol)]

    def only_order(self, symbol: str | None = None) -> OffchainOrder:
        (order,) = self.orders(symbol)
        return order

    def hedges(self, symbol: Symbol | str | None = None) -> list[str]:
        """The orders placed so far, as `BUY 1 AAPL`, in their sequence."""
        return [f"{order.side} {order.requested_shares} {order.symbol}" for order in self.orders(symbol)]


def with_a_placed_order(broker: Broker, clock: Clock, **options: Any) -> Stations:
    """Stations that placed an order to buy 2 AAPL, and have not sent it."""
    know_tokens("tAAPL")
    stations = Stations(clock=clock, broker=broker, **options)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=FIRST_BLOCK))
    stations.run(stations.hedger)
    return stations


def notices() -> list[tuple[str, str]]:
    """The kind and subject of each open notice, oldest first."""
    return [(notice.kind, notice.subject) for notice in open_notices()]


@contextmanager
def fresh_books() -> Iterator[None]:
    """Take back all that was written in the block, so that one test may begin again and again.

    Like the block that a test case opens, it lets what wants to be outermost believe that it is.
    """
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)
