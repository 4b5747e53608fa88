"""The world of real processes: a node, a venue, a database, two conductors, and the ways between them.

A world stands on the database that Django is set to in this process; `surrounded` makes the rest of it.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from config.demo.account import move_in, opened
from config.demo.market import Market
from config.demo.steps import Expected, Step
from config.venues.alpaca import AlpacaVenue
from config.wiring import Wired, wire
from tests.simulation.real.cluster import Cluster
from tests.simulation.real.crew import Crew, Member
from tests.simulation.real.disk import SmallDisk
from tests.simulation.real.fork import NodeThatDies
from tests.simulation.real.links import Link, Links

CREW = 2
FILL_SECONDS = Decimal("0.3")
NODE, VENUE, DATABASE = "node", "venue", "database"


class LockedMarket:
    """A market that stands still while the node is away."""

    def __init__(self, market: Market) -> None:
        self.market, self.lock = market, threading.RLock()

    def play(self, step: Step) -> list[Expected]:
        with self.lock:
            return self.market.play(step)


@dataclass
class World:
    """Everything there is, and the means to disturb it."""

    market: Market
    trading_floor: LockedMarket
    node: NodeThatDies
    venue: AlpacaVenue
    wired: Wired
    crew: Crew
    environment: dict[str, str]
    disk: SmallDisk | None = None
    """None where no small disk can be mounted."""
    server: Cluster | None = None
    """None where the database is no server of our own."""
    felt: Counter[str] = field(default_factory=Counter)
    """How often a disturbance met somebody, by its kind: what goes wrong beside everybody puts nothing to the test."""

    def links(self) -> list[Link]:
        return [link for member in self.crew.members for link in member.links.values()]


@contextmanager
def surrounded(
    database_url: str,
    folder: Path,
    *,
    seed: int = 1,
    crew: int = CREW,
    disk: SmallDisk | None = None,
    server: Cluster | None = None,
    **settings: str,
) -> Iterator[World]:
    """Make the world around a database that is migrated and empty. Its crew is still ashore: `with world.crew:`."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ))
        node = stack.enter_context(NodeThatDies())
        market = Market(node.node, seed)
        environment = {
            **market.environment(),
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "DEBUG",  # It says when the chain was read.
            "HEDGE_THRESHOLD": "$150",
            "LEDGER": "dual",
            "CHAIN_CUTOFF": "latest",
            "ORDER_POLLING_INTERVAL": "1",
            "ORDER_POLLING_MAX_JITTER": "0",
            "SEAL_FOLDER": str(folder),
            "ARCHIVE_FOLDER": str(folder),
            **settings,
        }
        os.environ.update(environment)
        # Where it is, and its keys, are put into the environment.
        venue = stack.enter_context(opened("alpaca", fill_seconds=FILL_SECONDS))
        assert isinstance(venue, AlpacaVenue)
        wired = wire()
        stack.callback(wired.node.close)
        stack.callback(wired.broker.close)
        move_in(venue, wired, None)
        links = stack.enter_context(Links())
        members = [_member(number, folder, database_url, node, venue, links) for number in range(crew)]
        yield World(
            market, LockedMarket(market), node, venue, wired, Crew(members), dict(os.environ), disk=disk, server=server
        )


def _member(
    number: int, folder: Path, database_url: str, node: NodeThatDies, venue: AlpacaVenue, links: Links
) -> Member:
    ports = {NODE: node.node.port, VENUE: _port(venue.url)}
    if urlsplit(database_url).hostname == "127.0.0.1":
        ports[DATABASE] = urlsplit(database_url).port or 5432
    ways = {name: links.to(port, f"{name} of conductor {number}") for name, port in ports.items()}
    at = {name: f"http://127.0.0.1:{way.port}" for name, way in ways.items()}
    environment = {**os.environ, "RPC_URL": at[NODE], "ALPACA_BASE_URL": at[VENUE], "ALPACA_DATA_URL": at[VENUE]}
    if DATABASE in ways:
        url = urlsplit(database_url)
        netloc = f"{url.netloc.rpartition('@')[0]}@127.0.0.1:{ways[DATABASE].port}"
        environment["DATABASE_URL"] = url._replace(netloc=netloc).geturl()
    return Member(number, folder, environment, ways)


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
