"""The judge of a world at rest: the books are those of the chain and of the venue, and nothing was made twice there."""

import time
from collections import Counter
from collections.abc import Iterator
from io import StringIO

from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connection

from config.demo import checks
from config.demo.broker_books import VenueBooks
from config.demo.world import World as Demo
from tests.simulation.real.world import World
from tests.support.undisturbed import wrongs_beside_orders
from trading.conductor.checkpoints import ChainCheckpoint

# What the demo holds of orders, at whichever broker.
OF_ORDERS = (
    checks.net_is_chain_and_broker,
    checks.nothing_is_left_to_hedge,
    checks.one_order_a_symbol,
    checks.every_order_is_one_at_the_broker,
    checks.fills_are_the_brokers,
    checks.every_share_is_linked,
)
COMMANDS = ("check_invariants", "compare_ledgers")
LOOK_SECONDS = 0.5


def rest(world: World, *, seconds: float) -> tuple[float, list[str]]:
    """Wait until all has come to rest. Return how long it took, and what is still wrong when the time is over."""
    began = time.monotonic()
    while True:
        found = looked(world)
        passed = time.monotonic() - began
        if not found or passed > seconds or world.crew.findings:
            return passed, found
        time.sleep(LOOK_SECONDS)


def looked(world: World) -> list[str]:
    """What is not as it must be when all is at rest, as of now."""
    try:
        return list(wrongs(world))
    except ChainCheckpoint.DoesNotExist:
        return ["nothing of the chain was read"]
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        return [f"the database can't be asked: {error}"]


def wrongs(world: World) -> Iterator[str]:
    """Tell what is wrong."""
    yield from wrongs_beside_orders(world.market)
    books = Demo(world.market, world.wired, VenueBooks(world.venue))
    for check in OF_ORDERS:
        yield from (f"{check.__name__}: {found}" for found in check(books))
    yield from _made_twice(world)


def _made_twice(world: World) -> Iterator[str]:
    named = Counter(order.ask.client_id for order in world.venue.exchange.orders)
    yield from (f"the venue has {times} orders {name}" for name, times in named.items() if times > 1)


def commands() -> list[str]:
    """Tell what the product's own commands find."""
    found = []
    for command in COMMANDS:
        said = StringIO()
        try:
            call_command(command, stdout=said, stderr=said)
        except SystemExit as ended:
            found.append(f"{command} ended with {ended.code}:\n{said.getvalue()}")
    return found
