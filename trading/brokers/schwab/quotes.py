"""Quotes: the latest price of a symbol, and whether Schwab has it at all."""

from datetime import UTC, datetime
from decimal import Decimal

from trading.brokers.market import Asset, Quote
from trading.brokers.outcomes import NoSuchAsset, UnusableAnswer
from trading.brokers.recording import Reference
from trading.brokers.schwab.answers import Json, Unreadable, json_of, number_or_none, object_of, text_of
from trading.brokers.schwab.session import SchwabSession
from trading.brokers.schwab.symbols import to_schwab
from trading.values.quantities import Usd
from trading.values.symbols import NotASymbol, Symbol

_TRADED_IN_SHARES = ("EQUITY", "ETF")
_TIMES = ("quoteTime", "tradeTime", "bidTime", "askTime")


class SchwabQuotes:
    """What Schwab's market data say of symbols."""

    def __init__(self, *, session: SchwabSession) -> None:
        self._session = session

    def quote(self, symbol: Symbol) -> Quote:
        what = f"asking for a quote of {symbol}"
        entry, as_of = self._entry(symbol, what, Reference(purpose="quote"))
        try:
            quote = object_of(entry.get("quote"), name="quote")
            bid, ask, last = (_price(quote, name) for name in ("bidPrice", "askPrice", "lastPrice"))
            if bid is None and ask is None and last is None:
                raise Unreadable("expected a price, was none")
            quoted_at = max([at for name in _TIMES if (at := _since_1970(quote, name)) is not None], default=None)
            if quoted_at is None:
                raise Unreadable("expected the time of a quote, was none")
        except Unreadable as error:
            raise UnusableAnswer(f"{what}: {error}") from None
        return Quote(symbol=symbol, bid_usd=bid, ask_usd=ask, last_usd=last, quoted_at=quoted_at, as_of=as_of)

    def asset(self, symbol: Symbol) -> Asset:
        """Tell what may be done with a symbol, as far as its quote lets one guess.

        Schwab's API does not say whether a symbol may be traded. A stock or fund that has a quote is taken for one
        that may; Schwab still refuses an order in one that may not. Fractions and short sales are not offered here.
        """
        what = f"asking for {symbol}"
        entry, as_of = self._entry(symbol, what, Reference(purpose="asset"))
        try:
            kind = text_of(entry, "assetMainType")
        except Unreadable as error:
            raise UnusableAnswer(f"{what}: {error}") from None
        return Asset(
            symbol=symbol, tradable=kind in _TRADED_IN_SHARES, fractionable=False, shortable=False, as_of=as_of
        )

    def _entry(self, symbol: Symbol, what: str, reference: Reference) -> tuple[Json, datetime]:
        try:
            name = to_schwab(symbol)
        except NotASymbol as error:
            raise NoSuchAsset(f"{what}: {error}") from None
        answer = self._session.call(
            "GET", "/marketdata/v1/quotes", reference=reference, params={"symbols": name, "fields": "quote"}
        )
        body = json_of(answer, what=what)
        try:
            found = object_of(body, name="the answer")
            if name in found:
                return object_of(found[name], name=name), answer.asked_at
            invalid = object_of(found.get("errors") or {}, name="errors").get("invalidSymbols")
        except Unreadable as error:
            raise UnusableAnswer(f"{what}: {error}") from None
        if isinstance(invalid, list) and name in invalid:
            raise NoSuchAsset(f"{what}: Schwab does not list {symbol}")
        raise UnusableAnswer(f"{what}: expected an entry for {name}, was {', '.join(found)[:80] or 'none'}")


def _price(quote: Json, name: str) -> Usd | None:
    """Read a price; nobody bids or asks zero, it stands for none."""
    price = number_or_none(quote, name)
    return Usd(price) if price is not None and price > 0 else None


def _since_1970(quote: Json, name: str) -> datetime | None:
    milliseconds = number_or_none(quote, name)
    if milliseconds is None or milliseconds <= 0:
        return None
    if milliseconds != milliseconds.to_integral_value() or milliseconds >= Decimal(10) ** 14:
        raise Unreadable(f"expected {name} in milliseconds since 1970, was {milliseconds!s:.80}")
    seconds, rest = divmod(int(milliseconds), 1000)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest * 1000)
