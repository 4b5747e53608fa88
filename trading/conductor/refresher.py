"""The refresher: asks the broker for what the risk gate must know before a hedge may be placed, and keeps the answers.

It asks only while there is something to hedge. Each fact is asked for by itself, and one that can't be had keeps no
other from being asked: the old answer grows older, until the gate takes it for none.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog

from trading.brokers.market import Asset, MarketClock
from trading.brokers.outcomes import BrokerError, NoSuchAsset, RateLimited
from trading.brokers.port import Broker
from trading.conductor.work import backoff
from trading.risk.facts import (
    OF_A_SYMBOL,
    OF_THE_ACCOUNT,
    Answer,
    BrokerFact,
    FactKind,
    claim,
    ensure,
    hold_back,
    note_trouble,
    store,
)
from trading.risk.reading import is_open
from trading.submission.pauses import is_paused, pause, resume_calls
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)

EVERY = {
    FactKind.CLOCK: timedelta(seconds=15),
    FactKind.ACCOUNT: timedelta(seconds=15),
    FactKind.HOLDINGS: timedelta(seconds=15),
    FactKind.QUOTE: timedelta(seconds=5),
    FactKind.ASSET: timedelta(hours=1),
}
# Where many symbols wait for long, their quotes must leave the broker's patience for orders: 120 a minute at most.
QUOTE_PACE = timedelta(seconds=0.5)
LONGEST_WAIT = timedelta(minutes=1)


class Refresher:
    """Keeps a broker's answers fresh for as long as something waits to be hedged."""

    name = "refresher"

    def __init__(
        self,
        *,
        broker: Broker,
        wanting: Callable[[], Collection[Symbol]],
        every: dict[FactKind, timedelta] | None = None,
    ) -> None:
        """Ask about the symbols that `wanting` names, each fact as often as `every` says."""
        self._broker, self._wanting = broker, wanting
        self._every = EVERY | (every or {})

    def run_once(self, *, now: datetime) -> bool:
        """Ask for what is due. Return whether anything was. One fact's error leaves the others theirs."""
        symbols = self._wanting()
        if not symbols or is_paused(self._broker.name, now=now):
            return False
        worked, failure = False, None
        for row in self._due(symbols, now):
            if not claim(row, now=now):
                continue  # Another process asks.
            worked = True
            try:
                self._ask(row, now, among=len(symbols))
            except RateLimited as limit:
                self._hold_back(row, limit, now)
                break
            except BrokerError as error:
                self._put_off(row, error, now)
            except Exception as error:  # each fact by itself; the station fails after all had their turn
                log.exception("Fact can't be asked for", fact=str(row))
                self._put_off(row, error, now)
                failure = error
            else:
                self._answered(row, now)
        if failure is not None:
            raise failure
        return worked

    def _due(self, symbols: Collection[Symbol], now: datetime) -> list[BrokerFact]:
        """What is to be asked for now; while the market is closed, nothing but whether it is."""
        wanted: list[tuple[FactKind, str]] = [(kind, "") for kind in OF_THE_ACCOUNT]
        wanted += [(kind, symbol) for symbol in sorted(symbols) for kind in OF_A_SYMBOL]
        clock, *others = ensure(self._broker.name, wanted, now=now)
        asked = [clock] if _is_closed(clock, now) else [clock, *others]
        return [row for row in asked if row.not_before <= now]

    def _ask(self, row: BrokerFact, now: datetime, *, among: int) -> None:
        kind = FactKind(row.kind)
        answer = self._answer(kind, Symbol(row.subject), now)
        every = self._every[kind]
        if kind is FactKind.QUOTE:
            every = max(every, QUOTE_PACE * among)
        again_at = max(now, answer.as_of) + every
        if isinstance(answer, MarketClock):
            # The market opens and closes to the second, so it is looked at again then.
            turns = (answer.next_open_at, answer.next_close_at)
            again_at = min([again_at, *(turn for turn in turns if turn is not None and turn > now)])
        store(row, answer, again_at=again_at)

    def _answer(self, kind: FactKind, symbol: Symbol, now: datetime) -> Answer:
        match kind:
            case FactKind.ACCOUNT:
                return self._broker.account()
            case FactKind.HOLDINGS:
                return self._broker.holdings()
            case FactKind.CLOCK:
                return self._broker.clock()
            case FactKind.QUOTE:
                return self._broker.quote(symbol)
            case FactKind.ASSET:
                try:
                    return self._broker.asset(symbol)
                except NoSuchAsset:
                    return Asset(symbol=symbol, tradable=False, fractionable=False, shortable=False, as_of=now)

    def _answered(self, row: BrokerFact, now: datetime) -> None:
        """What the account is asked is answered again. Quotes say nothing of that: they may come from another host."""
        if row.kind in OF_THE_ACCOUNT:
            resume_calls(self._broker.name, now=now)

    def _put_off(self, row: BrokerFact, error: Exception, now: datetime) -> None:
        trouble = f"{type(error).__name__}: {error}"
        tries = note_trouble(row, trouble, again_at=now + backoff(row.tries + 1, longest=LONGEST_WAIT))
        log.warning("Fact not known", fact=str(row), tries=tries, reason=trouble)

    def _hold_back(self, row: BrokerFact, limit: RateLimited, now: datetime) -> None:
        """The broker has had enough of our calls: nothing more is asked for a while, and it spends no try."""
        until = pause(self._broker.name, limit, now=now)
        note_trouble(row, f"RateLimited: {limit}", again_at=until)
        hold_back(self._broker.name, until=until)
        log.warning("Broker takes no questions for now", broker=self._broker.name, until=until.isoformat())


def _is_closed(clock: BrokerFact, now: datetime) -> bool:
    """Tell whether the market was closed when it was last asked, and nothing says that it has opened since."""
    answer = clock.readable()
    return isinstance(answer, MarketClock) and not is_open(answer, now)
