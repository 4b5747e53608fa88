"""Rows of congress trades, in either version of the contract, read into the columns of a record."""

import re
from datetime import date
from decimal import Decimal

from audit_trail.ingestion.batches import ReadRow, Unreadable
from audit_trail.sources.fields import (
    Fields,
    day_of,
    fields_of,
    number_or_none,
    shown,
    text_of,
    text_or_none,
    ticker_or_none,
)
from audit_trail.sources.quiver.congress.models import CongressTransaction

# Of the day of asking, not of the trade: prices since, and when the service last touched the row.
PASSING = frozenset(
    {"ExcessReturn", "PriceChange", "SPYChange", "excess_return", "last_modified", "Quiver_Upload_Time"}
)

# A word that is not here parks the row, with the word.
TRANSACTIONS = {
    "purchase": CongressTransaction.PURCHASE,
    "sale": CongressTransaction.SALE,
    "sale (full)": CongressTransaction.SALE,
    "sale (partial)": CongressTransaction.SALE,
    "exchange": CongressTransaction.EXCHANGE,
}
CHAMBERS = {"representatives": "house", "house": "house", "senate": "senate"}
PARTIES = {"D": "Democrat", "R": "Republican", "I": "Independent"}

_USD = r"\$?\s*([0-9][0-9,]*(?:\.[0-9]+)?)"
_RANGE = re.compile(rf"{_USD}(?:\s*-\s*{_USD}|\s*(\+))?", re.ASCII)
_OVER = re.compile(rf"over\s+{_USD}", re.ASCII | re.IGNORECASE)


def read(row: str) -> ReadRow:
    """Read a row of V1 or V2; which one it is shows by how the day of the trade is called. Raises Unreadable."""
    fields = fields_of(row)
    newer = "Traded" in fields
    if not newer and "TransactionDate" not in fields:
        raise Unreadable(
            f"expected Traded (V2) or TransactionDate (V1), found {', '.join(map(repr, sorted(fields)))[:200]}"
        )
    politician = text_of(fields, "Name" if newer else "Representative", longest=200)
    bioguide_id = text_or_none(fields, "BioGuideID", longest=20)
    traded_on = day_of(fields, "Traded" if newer else "TransactionDate")
    disclosed_on = day_of(fields, "Filed" if newer else "ReportDate")
    told = text_of(fields, "Transaction", longest=60)
    low, high = _amounts(fields, newer)
    symbol = ticker_or_none(fields, "Ticker")
    transaction = _transaction(told)
    _refuse_foresight(traded_on, disclosed_on)
    return ReadRow(
        key=(
            bioguide_id or politician.casefold(),
            symbol or "",
            traded_on.isoformat(),
            transaction.value,
            "" if low is None else str(low),
            disclosed_on.isoformat(),
            # Of what is not listed there is nothing else to tell one from another.
            "" if symbol else (text_or_none(fields, "Description") or ""),
        ),
        detail=text_or_none(fields, "Subholding"),
        symbol=symbol,
        disclosed_on=disclosed_on,
        columns={
            "politician": politician,
            "bioguide_id": bioguide_id,
            "chamber": _chamber(fields, "Chamber" if newer else "House"),
            "party": _party(fields),
            "state": text_or_none(fields, "State", longest=40),
            "district": text_or_none(fields, "District", longest=40),
            "transaction": transaction.value,
            "transaction_told": told,
            "traded_on": traded_on,
            "amount_low_usd": low,
            "amount_high_usd": high,
            "asset_type": text_or_none(fields, "TickerType", longest=60),
            "company": text_or_none(fields, "Company"),
            "description": text_or_none(fields, "Description"),
            "subholding": text_or_none(fields, "Subholding"),
            "filing_status": text_or_none(fields, "Status"),
            "comments": text_or_none(fields, "Comments"),
        },
        row=row,
    )


def _transaction(told: str) -> CongressTransaction:
    transaction = TRANSACTIONS.get(re.sub(r"\s*\(\s*", " (", " ".join(told.split())).casefold())
    if transaction is None:
        raise Unreadable(f"expected Transaction as one of {', '.join(TRANSACTIONS)}, was {shown(told)}")
    return transaction


def _refuse_foresight(traded_on: date, disclosed_on: date) -> None:
    if traded_on > disclosed_on:
        raise Unreadable(f"expected a trade before its disclosure on {disclosed_on}, was one of {traded_on}")


def _amounts(fields: Fields, newer: bool) -> tuple[Decimal | None, Decimal | None]:
    """Read a range, or its lower end alone, whichever there is."""
    if newer:
        return _range(fields, "Trade_Size_USD")
    low, high = _range(fields, "Range")
    return (low, high) if low is not None else _range(fields, "Amount")


def _range(fields: Fields, name: str) -> tuple[Decimal | None, Decimal | None]:
    if not isinstance(fields.get(name), str):
        return _not_below_zero(number_or_none(fields, name), name), None
    text = text_or_none(fields, name)
    if text is None:
        return None, None
    found = _RANGE.fullmatch(text) or _OVER.fullmatch(text)
    if found is None:
        raise Unreadable(f"expected {name} as dollars, as $1,001 - $15,000 or 1001.0, was {shown(text)}")
    low, high = (None if part is None else _usd(part) for part in (*found.groups(), None)[:2])
    if low is not None and high is not None and high < low:
        raise Unreadable(f"expected {name} to end above where it begins, was {shown(text)}")
    return low, high


def _usd(text: str) -> Decimal:
    number = Decimal(text.replace(",", ""))
    return number.to_integral_value() if number == number.to_integral_value() else number.normalize()


def _not_below_zero(number: Decimal | None, name: str) -> Decimal | None:
    if number is not None and number < 0:
        raise Unreadable(f"expected {name} as dollars, was {number}")
    return number


def _chamber(fields: Fields, name: str) -> str | None:
    told = text_or_none(fields, name)
    if told is None:
        return None
    chamber = CHAMBERS.get(told.casefold())
    if chamber is None:
        raise Unreadable(f"expected {name} as Representatives or Senate, was {shown(told)}")
    return chamber


def _party(fields: Fields) -> str | None:
    told = text_or_none(fields, "Party", longest=40)
    return None if told is None else PARTIES.get(told, told)
