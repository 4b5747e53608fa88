"""Alpaca's daily bars: the sessions of the exchange, with prices that end where the venue's are.

A symbol's price walks from session to session by less than two in a hundred, the same way for who asks again; the last
finished session ends at the price of today. What a test wants otherwise it puts into `told`.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from config.venues import alpaca_query as query
from config.venues.alpaca_asks import INVALID, refused
from config.venues.exchange import Exchange
from config.venues.hours import EASTERN
from config.venues.venue import Route
from config.venues.wire import Answer, Asked
from trading.values.arithmetic import add, cut, multiply, quotient, subtract

USUAL_ROWS, MOST_ROWS = 1000, 10_000
FEEDS = ("iex", "sip", "delayed_sip", "boats", "otc")
ADJUSTMENTS = ("raw", "split", "dividend", "all")
CENTS = 2
ONE = Decimal(1)

Bars = Mapping[str, Sequence[Mapping[str, Any]]]


class DailyBars:
    """Answers what is asked about bars. What stands in `told` is told of a symbol, whatever days are asked for."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.told: dict[str, list[dict[str, Any]]] = {}
        # What was once told of a session stays, whatever the price is later.
        self._made_before: dict[tuple[str, date], tuple[dict[str, Any], Decimal]] = {}

    def routes(self) -> list[Route]:
        return [Route("GET", "/v2/stocks/bars", "bars", self.bars)]

    def bars(self, asked: Asked) -> Answer:
        symbols = [name for name in asked.query.get("symbols", "").split(",") if name]
        if not symbols:
            raise refused(400, INVALID, "symbols is required")
        if bad := [name for name in symbols if not name.replace(".", "").isalnum() or not name.isupper()]:
            raise refused(400, INVALID, f"invalid symbol: {bad[0]}")
        if asked.query.get("timeframe") != "1Day":
            raise refused(400, INVALID, f"invalid timeframe: {asked.query.get('timeframe')}")
        for name, words in (("feed", FEEDS), ("adjustment", ADJUSTMENTS)):
            if asked.query.get(name, words[0]) not in words:
                raise refused(400, INVALID, f"invalid {name}: {asked.query[name]}")
        rows = sorted(self._between(asked, symbols), key=lambda row: (row[0], str(row[1]["t"])))
        limit = query.count(asked, "limit", usually=USUAL_ROWS, most=MOST_ROWS)
        begin = self._place(rows, asked.query.get("page_token"))
        page = rows[begin : begin + limit]
        body: dict[str, Any] = {"bars": {}, "next_page_token": None}
        for symbol, bar in page:
            body["bars"].setdefault(symbol, []).append(bar)
        if page and begin + limit < len(rows):
            body["next_page_token"] = _token(*page[-1])
        return Answer(body=body)

    def _between(self, asked: Asked, symbols: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        today = self._exchange.clock.now().astimezone(EASTERN).date()
        first, last = query.day(asked, "start", today), query.day(asked, "end", today)
        for symbol in dict.fromkeys(symbols):
            for bar in self.told.get(symbol) or self._made(symbol, first, last):
                yield symbol, bar

    def _made(self, symbol: str, first: date, last: date) -> Iterator[dict[str, Any]]:
        """Walk back from the price of today, a session at a time."""
        instrument = self._exchange.book.instruments.get(symbol)
        if instrument is None:
            return
        now = self._exchange.clock.now()
        day = now.astimezone(EASTERN).date()
        close = instrument.price_usd
        while day >= first:
            session = self._exchange.hours.session(day, now)
            if session is not None and session.closes_at <= now:
                made = self._made_before.get((symbol, day)) or _bar(symbol, day, close)
                bar, before = self._made_before[symbol, day] = made
                if day <= last:
                    yield bar
                close = before
            day -= timedelta(days=1)

    def _place(self, rows: Sequence[tuple[str, Mapping[str, Any]]], token: str | None) -> int:
        if not token:
            return 0
        places = [place for place, row in enumerate(rows) if _token(*row) == token]
        if not places:
            raise refused(400, INVALID, f"invalid page_token: {token}")
        return places[0] + 1


def bar_json(day: date, *, low: str, high: str, opened: str, close: str, volume: int = 1_000_000) -> dict[str, Any]:
    """Write a bar as Alpaca does: numbers, and the midnight in New York at which its day began."""
    began = datetime.combine(day, time(0), tzinfo=EASTERN).astimezone(UTC)
    prices = {name: Decimal(price) for name, price in (("o", opened), ("h", high), ("l", low), ("c", close))}
    return {
        "t": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        **prices,
        "v": volume,
        "n": volume // 100,
        "vw": cut(quotient(add(prices["h"], prices["l"]), Decimal(2)), digits=CENTS + 4),
    }


def _bar(symbol: str, day: date, close: Decimal) -> tuple[dict[str, Any], Decimal]:
    """Make a session's bar that ends at a price, and the price at which it began."""
    chance = sha256(f"{symbol} {day}".encode()).digest()
    step, up, down = (Decimal(byte).scaleb(-4) for byte in chance[:3])  # Up to 0.0255
    moved = subtract(ONE, step) if chance[3] % 2 else add(ONE, step)
    opened = max(cut(quotient(close, moved), digits=CENTS), Decimal("0.01"))
    high = cut(multiply(max(opened, close), add(ONE, up)), digits=CENTS)
    low = max(cut(multiply(min(opened, close), subtract(ONE, down)), digits=CENTS), Decimal("0.01"))
    texts = {name: str(price) for name, price in (("opened", opened), ("high", high), ("low", low), ("close", close))}
    return bar_json(day, volume=100_000 + 1000 * chance[4], **texts), opened


def _token(symbol: str, bar: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(f"{symbol}|D|{bar['t']}".encode()).decode()
