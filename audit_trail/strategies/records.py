"""Records: what strategies decide on, as plain values. Whoever reads them from tables makes them; nobody changes them.

Each says which stored record it is, which run brought it, when it became public and when we had it.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from trading.values.arithmetic import ZERO
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol

HIGHEST_QUALITY = Decimal(10)


class NotARecord(ValueError):
    """The values can't be a record of this kind. Nothing was decided on them; mend the row, or whatever reads it."""


class RecordRef(msgspec.Struct, frozen=True):
    """The name of a stored record."""

    source: str
    """Where it is from, as `quiver_congress`."""

    record_id: int
    run_id: int | None = None
    """The ingestion run that brought it in this version; None for what no run brings, as an account's state."""

    version: int = 1
    """Which wording of the record, from 1: a source corrects what it has told."""

    @property
    def place(self) -> tuple[str, int, int]:
        """What references are sorted by."""
        return self.source, self.record_id, self.version


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What every record has."""

    ref: RecordRef

    known_at: datetime
    """When we had it."""

    disclosed_at: datetime | None = None
    """When it was made public; None where nobody discloses such a thing, or the source does not say when."""

    def __post_init__(self) -> None:
        for name, at in (("known_at", self.known_at), ("disclosed_at", self.disclosed_at)):
            if at is not None and at.tzinfo is None:
                raise NotARecord(f"{self.ref}: expected {name} as a time with a zone, was {at!r}")

    def was_known(self, as_of: datetime) -> bool:
        """Tell whether it was public, and with us, at a moment. When it happened says nothing about that."""
        return self.known_at <= as_of and (self.disclosed_at is None or self.disclosed_at <= as_of)

    def _expect(self, holds: bool, expected: str, found: object) -> None:
        if not holds:
            raise NotARecord(f"{self.ref}: expected {expected}, was {found!r}")


class TradeKind(StrEnum):
    """What somebody else did, by the words that the source has for it."""

    PURCHASE = "purchase"
    SALE = "sale"
    OTHER = "other"


class ReportedTrade(Record, frozen=True, kw_only=True):
    """Somebody else's trade in a share."""

    ticker: str
    """As the source writes it, which may be no symbol at all."""

    transaction_date: date
    """When it was made, which is weeks before anybody else could know."""

    @property
    def kind(self) -> TradeKind:
        """What was done. A source whose words for it nobody has read says nothing that can be followed."""
        return TradeKind.OTHER

    @property
    def words(self) -> str:
        """What was done, in the source's words."""
        return "of an unknown kind"


class CongressTrade(ReportedTrade, frozen=True, kw_only=True):
    """A trade that a member of Congress reported."""

    asset_type: str
    """`CS` and `ST` are common stock; others are options, bonds and more. Empty where the source does not say."""

    politician_name: str
    bioguide_id: str | None
    """The person's number with the Congress; a name is written in more than one way."""

    transaction_type: str
    """`Purchase`, `Sale`, `Sale (Full)`, `Exchange` and whatever else is reported."""

    least_usd: Usd | None
    """The lower end of the reported range."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect(bool(self.politician_name.strip()), "the name of a politician", self.politician_name)

    @property
    def kind(self) -> TradeKind:
        words = self.transaction_type.strip().lower()
        if words == "purchase":
            return TradeKind.PURCHASE
        return TradeKind.SALE if words == "sale" or words.startswith("sale (") else TradeKind.OTHER

    @property
    def words(self) -> str:
        return repr(self.transaction_type)


class InsiderTrade(ReportedTrade, frozen=True, kw_only=True):
    """A line of a Form 4: what an insider of a company did with its shares."""

    insider_name: str
    officer_title: str | None
    """In the company's own words, as `Chief Executive Officer`."""

    is_director: bool
    is_officer: bool
    is_ten_percent_owner: bool

    transaction_code: str
    """`P` is a purchase on the open market and `S` a sale; a grant is `A`, an exercise `M` or `X`."""

    acquired_or_disposed: str
    """`A` or `D`."""

    shares: Shares
    price_usd: Usd | None
    """None where the form names none, as for a gift."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect(bool(self.insider_name.strip()), "the name of an insider", self.insider_name)
        self._expect(_exact(self.shares) and self.shares >= ZERO, "a number of shares from 0", self.shares)
        price = self.price_usd
        self._expect(price is None or (_exact(price) and price >= ZERO), "a price from 0, or none", price)

    @property
    def kind(self) -> TradeKind:
        """A purchase is one on the open market: who is given shares, or exercises an option, has bought nothing."""
        code, direction = self.transaction_code.strip().upper(), self.acquired_or_disposed.strip().upper()
        known = {("P", "A"): TradeKind.PURCHASE, ("S", "D"): TradeKind.SALE}
        return known.get((code, direction), TradeKind.OTHER)

    @property
    def words(self) -> str:
        return f"code {self.transaction_code!r}, {self.acquired_or_disposed!r}"


class PoliticianScore(Record, frozen=True, kw_only=True):
    """How well a politician's purchases did, from 0 to 10, as it was reckoned at `known_at`."""

    politician: str
    """As `politicians.identities` names the person."""

    score: Decimal
    purchases: int
    wins: int | None = None
    """None where there were too few purchases to say."""

    win_rate_pct: Decimal | None = None
    average_return_pct: Decimal | None = None

    trades: tuple[RecordRef, ...] = ()
    """What it was reckoned from: all that the person traded in the year, as far as it was known."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect(_exact(self.score) and ZERO <= self.score <= HIGHEST_QUALITY, "a score from 0 to 10", self.score)


class DailyBar(Record, frozen=True, kw_only=True):
    """A session's prices of a symbol."""

    symbol: Symbol
    day: date
    open_usd: Usd
    high_usd: Usd
    low_usd: Usd
    close_usd: Usd
    volume: int

    def __post_init__(self) -> None:
        super().__post_init__()
        prices = (self.open_usd, self.high_usd, self.low_usd, self.close_usd)
        self._expect(all(_exact(price) and price > ZERO for price in prices), "prices above 0", prices)
        between = all(self.low_usd <= price <= self.high_usd for price in (self.open_usd, self.close_usd))
        self._expect(between, "open and close between low and high", prices)
        self._expect(self.volume >= 0, "a volume from 0", self.volume)


class LatestPrice(Record, frozen=True, kw_only=True):
    """What a symbol traded at last, for symbols that have no bars."""

    symbol: Symbol
    price_usd: Usd

    def __post_init__(self) -> None:
        super().__post_init__()
        self._expect(_exact(self.price_usd) and self.price_usd > ZERO, "a price above 0", self.price_usd)


class AccountState(Record, frozen=True, kw_only=True):
    """The account that would trade, as its broker described it. Strategies never ask a broker themselves."""

    broker: str
    number: str
    paper: bool
    equity_usd: Usd | None
    """What everything in it is worth; None where the broker did not say, which is not zero."""

    cash_usd: Usd | None
    buying_power_usd: Usd | None


class Position(Record, frozen=True, kw_only=True):
    """What decisions hold of a symbol: the account's holding less what hedges hold and what an operator put aside."""

    symbol: Symbol
    net_shares: Shares
    """Negative where they are owed."""

    market_value_usd: Usd
    """Negative likewise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        figures = (self.net_shares, self.market_value_usd)
        self._expect(all(_exact(figure) for figure in figures), "exact shares and value", figures)
        self._expect(self.net_shares * self.market_value_usd >= ZERO, "shares and value of one sign", figures)


class RunState(StrEnum):
    """How an ingestion run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class SourceRun(msgspec.Struct, frozen=True, kw_only=True):
    """An ingestion run of a whole source; one that asked for a single symbol says nothing of the others."""

    source: str
    run_id: int
    state: RunState
    started_at: datetime
    ended_at: datetime | None
    records_fetched: int


class BlockedSymbol(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol in which nothing new is begun for a while."""

    symbol: Symbol
    reason: str
    expires_at: datetime | None
    """None: until an operator lifts it."""

    def holds(self, at: datetime) -> bool:
        return self.expires_at is None or self.expires_at > at


def _exact(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()
