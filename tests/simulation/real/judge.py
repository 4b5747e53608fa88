"""The judge of a world at rest: the books are those of the chain and of the venue, and nothing was made twice there."""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO

from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connection

from config.demo import checks
from config.demo.broker_books import VenueBooks
from config.demo.world import World as Demo
from tests.simulation.real.conduct import Clock
from tests.simulation.real.world import World
from tests.support.undisturbed import wrongs_beside_orders
from trading.conductor.checkpoints import ChainCheckpoint
from trading.ledger.tables import OnchainTrade

# What the demo holds of orders, at whichever broker.
OF_ORDERS = (
    checks.net_is_chain_and_broker,
    checks.nothing_is_left_to_hedge,
    checks.one_order_a_symbol,
    checks.every_order_is_one_at_the_broker,
    checks.fills_are_the_brokers,
    checks.every_share_is_linked,
)
COMMITTED = re.compile(r"sent after (\S+), when it was committed")
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


def unjudged(world: World) -> list[str]:
    """Tell of what there was nothing, so that nothing wrong could have been found of it."""
    orders, found = world.venue.exchange.orders, []
    if not orders:
        found.append("no order came to the venue")
    elif not any(order.fills for order in orders):
        found.append("nothing was filled at the venue")
    if not OnchainTrade.objects.filter(reorged_at=None).exists():
        found.append("no fill of the chain is booked")
    return [f"nothing was judged: {each}" for each in found]


def unfelt(world: World) -> list[str]:
    """Tell that nothing that went wrong met anybody."""
    return [] if world.felt.total() else ["nothing was judged: no disturbance met a process"]


def commands(world: World) -> list[str]:
    """Tell what the product's own commands find."""
    found = []
    holds, said = _said("compare_ledgers")
    if not holds:
        found.append(f"compare_ledgers {said}")
    holds, said = _said("check_invariants", "--json")
    told = [json.loads(line) for line in said.splitlines()]
    if idle := [each["invariant"] for each in told if each.get("rows") == 0 and "invariant" in each]:
        sys.stdout.write(f"these invariants had nothing to look at: {', '.join(idle)}\n")
    if not holds:
        violations = [each for each in told if "expected" in each]
        assert violations, f"check_invariants found something, and did not tell what:\n{said}"
        clocks = [member.clock for member in world.crew.members]
        for each in violations:
            if is_by_clocks_alone(each, clocks):
                sys.stdout.write(f"left out, since only a clock that was off tells of it: {each}\n")
            else:
                found.append(f"check_invariants: {each}")
    return found


def is_by_clocks_alone(violation: Mapping[str, str], clocks: Sequence[Clock]) -> bool:
    """Tell whether an order was sent before it was committed only by clocks that we had put forward or back.

    Both times are what some clock told. What this clock was off then is known here, so it is looked whether the one
    moment can really have been before the other: by clocks that are right, nothing is left out.
    """
    told = COMMITTED.fullmatch(violation["expected"])
    if violation["invariant"] != "nothing_is_sent_unmeant" or told is None:
        return False
    committed, sent = (
        [moment for clock in clocks for moment in clock.really(datetime.fromisoformat(time))]
        for time in (told[1], violation["found"])
    )
    return any(earlier <= later for earlier in committed for later in sent)


def _said(command: str, *options: str) -> tuple[bool, str]:
    """Whether a command found nothing, and what it said."""
    out, trouble = StringIO(), StringIO()
    try:
        call_command(command, *options, stdout=out, stderr=trouble)
    except SystemExit as ended:
        if ended.code != 1:
            raise
        return False, out.getvalue()
    return True, out.getvalue()
