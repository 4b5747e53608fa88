"""The service: daily bars from Alpaca's market data API, of many symbols at once, page by page.

It has a host of its own: the one that takes orders has no bars. A symbol that it knows nothing of is left out of the
answer, and one that is malformed has the whole question refused, so only what reads as a symbol is asked for.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import httpx2
import msgspec

from audit_trail.ingestion.running import Clock, OpenRun
from audit_trail.sources.allowance import Allowance
from audit_trail.sources.calls import Pause, RecorderOf, SourceCalls, is_page
from audit_trail.sources.outcomes import NotAuthorised, NotInPlan, NotTaken, SourceUnavailable, UnusableAnswer
from trading.brokers.http import Answer, BrokerHttp, refuse_by_status
from trading.values.secret import Secret

SOURCE = "alpaca"

# Its own limit is 200 a minute, which orders are not to run into.
CALLS_A_MINUTE = 100
CALLS_A_DAY = 20_000

PATH = "/v2/stocks/bars"
ROWS_A_PAGE = 10_000
SYMBOLS_AT_ONCE = 50
MOST_PAGES = 200


class _Page(msgspec.Struct):
    bars: dict[str, list[msgspec.Raw]] | None = None
    next_page_token: str | None = None


_DECODER = msgspec.json.Decoder(_Page)


class AlpacaBars:
    """Alpaca's bars under one pair of keys."""

    def __init__(
        self,
        *,
        key: Secret,
        secret: Secret,
        base_url: str,
        feed: str,
        recorder_of: RecorderOf,
        clock: Clock,
        allowance: Allowance | None = None,
        pause: Pause | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.feed = feed
        self._headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret}
        self._base_url, self._recorder_of, self._clock = base_url, recorder_of, clock
        self._allowance = allowance or Allowance("alpaca_data", a_minute=CALLS_A_MINUTE, a_day=CALLS_A_DAY)
        self._pause, self._transport = pause, transport

    def calls_for(self, run: OpenRun) -> SourceCalls:
        """What asks for a run. Close it."""
        http = BrokerHttp(
            source=SOURCE,
            base_url=self._base_url,
            recorder=self._recorder_of(run),
            clock=self._clock,
            transport=self._transport,
        )
        return SourceCalls(
            http,
            run,
            headers=self._headers,
            allowance=self._allowance,
            clock=self._clock,
            pause=self._pause,
            refuse=_refuse,
        )

    def bars(
        self, calls: SourceCalls, symbols: Sequence[str], *, since: date, until: date
    ) -> Iterator[tuple[str, msgspec.Raw]]:
        """Give each bar, as it was received, with its symbol. Raises SourceError."""
        for start in range(0, len(symbols), SYMBOLS_AT_ONCE):
            yield from self._pages(calls, symbols[start : start + SYMBOLS_AT_ONCE], since, until)

    def _pages(
        self, calls: SourceCalls, symbols: Sequence[str], since: date, until: date
    ) -> Iterator[tuple[str, msgspec.Raw]]:
        token: str | None = None
        for number in range(1, MOST_PAGES + 1):
            asked = {
                "symbols": ",".join(symbols),
                "timeframe": "1Day",
                "start": since.isoformat(),
                "end": f"{until.isoformat()}T23:59:59Z",
                "adjustment": "split",
                "feed": self.feed,
                "limit": str(ROWS_A_PAGE),
            }
            purpose = f"bars of {symbols[0]} and {len(symbols) - 1} more, page {number}"
            page = _read(calls.get(PATH, asked | ({"page_token": token} if token else {}), purpose=purpose))
            for symbol, bars in (page.bars or {}).items():
                for bar in bars:
                    yield symbol, bar
            if page.next_page_token is None:
                return
            if page.next_page_token == token:
                raise UnusableAnswer(f"GET {PATH}: expected another page, was sent to the same one again")
            token = page.next_page_token
        raise UnusableAnswer(f"GET {PATH}: expected an end within {MOST_PAGES} pages, found none")


def _refuse(answer: Answer, what: str) -> None:
    if is_page(answer):
        raise SourceUnavailable(f"{what}: expected JSON, was a page under status {answer.status}: {answer.told()}")
    match answer.status:
        case 200:
            return
        case 401:
            raise NotAuthorised(
                f"{what}: Alpaca does not take our keys (401): {answer.told()}. Look at ALPACA_API_KEY and its secret"
            )
        case 403:
            raise NotInPlan(
                f"{what}: our plan at Alpaca does not have this (403): {answer.told()}. A free one has ALPACA_FEED=iex"
            )
        case 400 | 422:
            raise NotTaken(f"{what}: Alpaca does not take the question ({answer.status}): {answer.told()}")
        case _:
            pass
    refuse_by_status(answer, changes=False, what=what)
    raise UnusableAnswer(f"{what}: expected 200, was {answer.status}: {answer.told()}")


def _read(answer: Answer) -> _Page:
    try:
        return _DECODER.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableAnswer(f"GET {PATH}: expected bars by symbol ({error}), was {answer.told()!r}") from None
