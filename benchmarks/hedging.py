"""Hedging: a conductor between a node and a venue, and when each fill passed which station."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import httpx2
from django.utils import timezone

from benchmarks.neighbours import NodeNearby, VenueNearby
from benchmarks.stopwatch import Timed, slowness
from config.venues.instruments import PRICES_USD
from config.wiring import Wired, wire
from tests.support.made_chain import MadeChain, take
from trading.conductor.conductor import Conductor
from trading.conductor.outstanding import outstanding
from trading.conductor.processes import process_name
from trading.conductor.reconciling.identity import confirm_account
from trading.conductor.wakeups import LEADS_TO
from trading.ledger.mode import check_mode
from trading.risk.facts import BrokerFact

SYMBOLS = ("AAPL", "AMZN", "GOOGL", "MSFT", "NVDA", "TSLA")
BARE_SYMBOL = "F"
SHARES = 2
# The first ones pay for what is loaded and connected once.
WARM_UP = 4
LONGEST_PAUSE_SECONDS = 0.5
# In which a fill is hedged, filled and booked undisturbed; only then it is looked whether it is.
UNDISTURBED_SECONDS = 1.6
LOOK_SECONDS, PATIENCE_SECONDS = 0.2, 60.0


class NotHedged(Exception):
    """A fill did not get to the broker, so there is nothing to measure."""


class Placed(NamedTuple):
    """When a fill passed each station, in seconds since 1970, and what was measured right after it."""

    queued: float
    processed: float
    facts_known: float
    """When the refresher had asked what was not known; where all was, as `processed`."""
    placed: float
    sending: float
    received: float
    core_seconds: float
    """How long the stations that it passed had a core, until they were through with it."""
    bare_seconds: float
    slowness: float

    @property
    def seconds(self) -> float:
        return self.received - self.queued

    @property
    def stages(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self[:6])]


def chain_of(fills: int) -> dict[str, Any]:
    """A chain with a fill in each block, at the venue's prices, and of about now: the gate asks how old a price is."""
    chain = MadeChain(*(f"t{symbol}" for symbol in SYMBOLS), seconds_a_block=1, started=int(time.time()) - 60)
    for number in range(fills):
        # Two of a symbol in a row: the second finds known what was asked for the first.
        symbol, side = SYMBOLS[number // 2 % len(SYMBOLS)], ("SELL", "BUY")[number % 2]
        chain.mine(take(side, str(SHARES), f"t{symbol}", usdc=SHARES * PRICES_USD[symbol]))
    return chain.recording()


def environment_of(node: NodeNearby, recording: dict[str, Any]) -> dict[str, str]:
    return {
        "RPC_URL": node.url,
        "ORDERBOOK_ADDRESS": recording["orderbook"],
        "ORDER_OWNER": recording["owner"],
        "USDC_ADDRESS": recording["usdc"],
        "DEPLOYMENT_BLOCK": str(recording["first"]),
        "CHAIN_CUTOFF": "latest",
        "HEDGE_THRESHOLD": "1 share",
    }


class Hedging:
    """Lets fills happen, each block one, and tells when each passed which station."""

    def __init__(self, venue: VenueNearby, node: NodeNearby, *, first: int, seed: int) -> None:
        self._venue, self._node, self._head = venue, node, first
        self._chance = random.Random(seed)  # noqa: S311
        self._bare = httpx2.Client(
            base_url=venue.url,
            headers={
                "APCA-API-KEY-ID": venue.environment["ALPACA_API_KEY"],
                "APCA-API-SECRET-KEY": venue.environment["ALPACA_API_SECRET"],
            },
            trust_env=False,
        )
        self._bare_posts = 0

    def fills(self, count: int, *, wakes: bool) -> dict[str, list[Placed]]:
        """Measure so many fills while the gate's facts are known, and as many for which they are asked first."""
        placed: dict[str, list[Placed]] = {"known": [], "asked first": []}
        with _conducted(wakes=wakes) as (wired, stations):
            for number in range(WARM_UP + 2 * count):
                facts = "known" if number % 2 else "asked first"
                time.sleep(self._chance.uniform(0, LONGEST_PAUSE_SECONDS))
                if facts == "asked first":
                    BrokerFact.objects.all().delete()  # As if the last hedge was long ago.
                one = self._fill(wired, stations)
                if number >= WARM_UP:
                    placed[facts].append(one)
        return placed

    def _fill(self, wired: Wired, stations: dict[str, Timed]) -> Placed:
        shown_at = time.time()
        self._head += 1
        self._node.turn(head=self._head)
        time.sleep(UNDISTURBED_SECONDS)
        self._until_done(wired)
        received = self._noted("ht-")
        bare_seconds = self._bare_post()
        queued = stations["watcher"].first_commit(after=shown_at)
        sending = stations["dispatcher"].first_commit(after=queued)
        placed = stations["hedger"].last_commit(after=queued, before=sending)
        processed = stations["processor"].last_commit(after=queued, before=placed)
        asked = [turn.ended for turn in stations["refresher"].turns if processed <= turn.ended <= placed]
        on_the_way = [
            turn.core_seconds
            for name in ("processor", "refresher", "hedger", "dispatcher")
            for turn in stations[name].turns
            if queued <= turn.ended and turn.began <= received
        ]
        return Placed(
            queued=queued,
            processed=processed,
            facts_known=max(asked, default=processed),
            placed=placed,
            sending=sending,
            received=received,
            core_seconds=sum(on_the_way),
            bare_seconds=bare_seconds,
            slowness=slowness(),
        )

    def _until_done(self, wired: Wired) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = outstanding(
                ledger=wired.ledger,
                hedger=wired.hedger,
                enricher=None,
                orderbook=wired.settings.orderbook,
                head=self._head,
                now=timezone.now(),
            )
            if not found.left and not found.stuck:
                return
            if found.stuck or time.monotonic() > deadline:
                raise NotHedged("; ".join([*found.stuck, *found.left]))
            time.sleep(LOOK_SECONDS)

    def _noted(self, name: str) -> float:
        """When the venue noted the newest order whose client order id begins so."""
        posts = [one for one in self._venue.requests() if one["call"] == "submit" and f'"{name}' in one["body"]]
        return datetime.fromisoformat(posts[-1]["at"]).timestamp()

    def _bare_post(self) -> float:
        self._bare_posts += 1
        order = {
            "symbol": BARE_SYMBOL,
            "qty": str(SHARES),
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            "client_order_id": f"bare-{self._bare_posts}",
        }
        sent_at = time.time()
        self._bare.post("/v2/orders", json=order).raise_for_status()
        return self._noted("bare-") - sent_at


@contextmanager
def _conducted(*, wakes: bool) -> Iterator[tuple[Wired, dict[str, Timed]]]:
    """A conductor at work, wired as `manage.py conduct` wires it; its stations by name."""
    wired = wire()
    check_mode(wired.ledger.mode)
    confirm_account(
        wired.broker.name, wired.broker.account(), actor="benchmark", reason="a venue of ours", now=timezone.now()
    )
    stations = [Timed(station) for station in wired.stations]
    conductor = Conductor(
        stations,
        clock=timezone.now,
        process=process_name(),
        stopping=wired.stopping,
        leads_to=LEADS_TO if wakes else {},
    )
    conductor.start()
    try:
        yield wired, {station.name: station for station in stations}
    finally:
        conductor.stop()
        wired.watcher.stop()
        wired.node.close()
