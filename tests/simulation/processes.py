"""Processes: all stations of one of ours, with an adapter of its own, as they are put together in production."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from config.venues.alpaca import AlpacaVenue
from config.venues.schwab import SchwabVenue
from config.venues.schwab_tokens import REDIRECT_URI
from config.venues.venue import Venue
from tests.simulation.blockchain import Blockchain
from tests.simulation.boundaries import Boundaries, Weather, Wire
from tests.simulation.rpc import OurClient
from tests.simulation.stage import Stage
from tests.simulation.story import BrokerName, Story
from tests.support.made_chain import FIRST_BLOCK
from tests.support.stations import Clock, Stations
from trading.broker_auth.keys import KeyRing
from trading.broker_auth.tokens import TokenStore
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity, Mode
from trading.brokers.http import BrokerHttp
from trading.brokers.port import Broker
from trading.brokers.recording import Recorder
from trading.brokers.schwab.broker import SchwabBroker
from trading.brokers.schwab.oauth import Grant, SchwabOAuth
from trading.conductor.dispatcher import Dispatcher
from trading.conductor.exposure_age import ExposureWatch
from trading.conductor.heartbeat import Heartbeat
from trading.conductor.logins.keeper import TokenKeeper
from trading.conductor.logins.refresher import TokenRefresher
from trading.conductor.poller import YOUNG_EVERY
from trading.conductor.reconciling.identity import AccountCheck
from trading.conductor.reconciling.reconciler import Reconciler
from trading.conductor.station import Station
from trading.conductor.switched import switched
from trading.conductor.verbs.clerk import Clerk
from trading.conductor.verbs.hand_orders import HandOrders
from trading.conductor.verbs.order_verbs import OrderVerbs
from trading.conductor.verbs.requests import OperatorRequest
from trading.conductor.verbs.symbol_verbs import SymbolVerbs
from trading.conductor.watcher import Watcher
from trading.ledger.book import Ledger
from trading.market_hours.calendar import is_open
from trading.risk.situation import Terms
from trading.values.secret import Secret

POLL = timedelta(seconds=5)
KEYS = KeyRing([Secret("5e" * 32)])


@dataclass(frozen=True)
class Setting:
    """What all processes of a story have in common: where the broker is, what time it is, and where its calls go."""

    story: Story
    stage: Stage
    venue: Venue
    clock: Clock
    recorder: Recorder
    boundaries: Boundaries
    weather: Weather
    chain: Blockchain | None = None
    begun: Counter[int] = field(default_factory=Counter)
    """How often a process of a number has begun anew."""

    def ledger(self) -> Ledger:
        return Stations(
            mode=self.story.mode, hedge_at=self.story.hedge_at, legacy_projection=self.story.legacy_projection
        ).ledger

    def broker(self, ledger: Ledger) -> tuple[Broker, TokenKeeper | None]:
        """Make an adapter, and what keeps its tokens where it has any."""
        if self.story.broker is BrokerName.ALPACA:
            return self._alpaca(cast(AlpacaVenue, self.venue)), None
        venue, line = cast(SchwabVenue, self.venue), self._line()
        oauth = SchwabOAuth(
            app_key=Secret(venue.tokens.app_key),
            app_secret=Secret(venue.tokens.app_secret),
            redirect_uri=REDIRECT_URI,
            http=line,
        )
        keeper = TokenKeeper(
            ledger=ledger, oauth=oauth, store=TokenStore(KEYS), clock=self.clock, pause=self.clock.forward
        )
        number = venue.exchange.account().number
        return SchwabBroker(http=line, tokens=keeper, account_number=number, clock=self.clock, paper=None), keeper

    def node(self) -> OurClient | None:
        """A client of the node, where there is a chain."""
        return None if self.chain is None else OurClient(self.chain.node, self.boundaries, self.clock)

    def log_in(self) -> None:
        """Log in as an operator does, whatever there was before."""
        if self.story.broker is BrokerName.SCHWAB:
            given = cast(SchwabVenue, self.venue).login()
            grant = Grant(
                access_token=Secret(given["access_token"]),
                refresh_token=Secret(given["refresh_token"]),
                expires_in=timedelta(seconds=given["expires_in"]),
            )
            _, keeper = self.broker(self.ledger())
            cast(TokenKeeper, keeper).log_in(grant, at=self.clock())

    def _alpaca(self, venue: AlpacaVenue) -> AlpacaBroker:
        identity = Identity(
            mode=Mode.PAPER,
            key=Secret(venue.key),
            secret=Secret(venue.secret),
            account=venue.exchange.account().number,
            trading_url=self.stage.url,
        )
        line = self._line()
        return AlpacaBroker(identity=identity, trading=line, data=line)

    def _line(self) -> BrokerHttp:
        return BrokerHttp(
            source=self.venue.name,
            base_url=self.stage.url,
            recorder=self.recorder,
            clock=self.clock,
            transport=Wire(self.stage.line, self.boundaries, self.weather),
        )


class Command:
    """What an operator typed: it is done at once, and nothing else that waits for a clerk."""

    name = "command"

    def __init__(self, clerk: Clerk, request: OperatorRequest) -> None:
        self._clerk, self._request = clerk, request

    def run_once(self, *, now: datetime) -> bool:
        self._clerk.do(self._request, now=now)
        return True


class Process(Stations):
    """One process of ours. A new one knows nothing but what is in the database."""

    def __init__(self, setting: Setting, *, number: int) -> None:
        story, clock = setting.story, setting.clock
        broker, keeper = setting.broker(setting.ledger())
        # A stand-in for Schwab calls its account neither paper nor real.
        paper = True if story.broker is BrokerName.ALPACA else None
        setting.begun[number] += 1
        self.life = (number, setting.begun[number])
        holder = f"simulated:{number}"
        if setting.chain is not None:
            # As in production no process has the name of one that was before it.
            holder += f".{setting.begun[number]}"
        node = setting.node()
        super().__init__(
            mode=story.mode,
            clock=clock,
            broker=broker,
            hedge_at=story.hedge_at,
            holder=holder,
            node=node,
            session_open=is_open if story.by_calendar else None,
            legacy_projection=story.legacy_projection,
            poll_seconds=POLL.total_seconds(),
            refreshed=True,
            terms=Terms(capabilities=broker.capabilities, paper=paper),
        )
        may_trade = AccountCheck(broker, simulated=False)
        self.dispatcher = Dispatcher(
            broker=switched(broker),
            ledger=self.ledger,
            clock=clock,
            poll_after=min(POLL, YOUNG_EVERY),
            may_trade=may_trade,
            sender=holder,
        )
        self.reconciler = Reconciler(broker=broker, ledger=self.ledger)
        self.clerk = Clerk(
            orders=OrderVerbs(broker=broker, ledger=self.ledger, may_trade=may_trade),
            by_hand=HandOrders(broker=broker, ledger=self.ledger, gate=self.gate),
            symbols=SymbolVerbs(ledger=self.ledger),
        )
        self.command: Command | None = None
        self.exposure_watch = ExposureWatch(broker=broker, ledger=self.ledger)
        if setting.chain is not None:
            chain = setting.chain.terms
            self.watcher = Watcher(
                node=self.node,
                orderbook=self.orderbook,
                deployment_block=FIRST_BLOCK,
                cutoff_tag=chain.cutoff_tag,
                cutoff_seconds=chain.cutoff_seconds,
                ledger=self.ledger,
                holder=holder,
                largest_range=chain.largest_range,
            )
        self.tokens = None if keeper is None else TokenRefresher(keeper=keeper)
        self._holder = holder
        self._hearts: dict[str, Heartbeat] = {}

    def turn(self, name: str, *, now: datetime) -> bool:
        """Give a station a turn, where there is one of this name. Return whether it found something."""
        found: Any = getattr(self, name)
        return found is not None and cast(Station, found).run_once(now=now)

    def commands(self, request: OperatorRequest) -> None:
        """Let a turn of the command do this request."""
        self.command = Command(self.clerk, request)

    def beat(self, name: str, *, now: datetime, worked: bool = False, error: Exception | None = None) -> None:
        """Leave the sign of life that the conductor leaves after a turn."""
        if getattr(self, name) is None:
            return
        heart = self._hearts.setdefault(name, Heartbeat(name, self._holder))
        if error is None:
            heart.beat(now, worked=worked)
        else:
            heart.failed(now, error)
