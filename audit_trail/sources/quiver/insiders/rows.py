"""Rows of Form 4, read into the columns of a record."""

import re
from decimal import Decimal

from audit_trail.ingestion.batches import ReadRow, Unreadable
from audit_trail.sources.fields import (
    Fields,
    day_of,
    fields_of,
    flag_or_none,
    number_of,
    number_or_none,
    shown,
    text_of,
    text_or_none,
    ticker_or_none,
)
from audit_trail.sources.quiver.insiders.models import InsiderTransaction, Relationship

# The codes of Form 4, General Instruction 8. A code that is not here parks the row.
CODES = frozenset("PSVADFIMCEHOXGLWZJKU")

# Titles, by what they say, the highest first.
_TITLES = (
    (Relationship.CEO, r"\bc\.?e\.?o\b|chief executive"),
    (Relationship.CFO, r"\bc\.?f\.?o\b|chief financial"),
    (Relationship.COO, r"\bc\.?o\.?o\b|chief operating"),
    (
        Relationship.OFFICER,
        r"\b(president|pres|officer|e?vp|svp|c[tailmr]o|chief|counsel|treasurer|secretary|controller)\b",
    ),
    (Relationship.DIRECTOR, r"\b(director|chair|chairman|chairwoman|chairperson)\b"),
    (Relationship.OWNER, r"10\s*%|ten percent"),
)


def read(row: str) -> ReadRow:
    """Read a row. Raises Unreadable."""
    fields = fields_of(row)
    insider = text_of(fields, "Name", longest=200)
    traded_on, disclosed_on = day_of(fields, "Date"), day_of(fields, "fileDate")
    filed_told = text_of(fields, "fileDate", longest=40)
    code, acquired = _code(fields), _acquired(fields)
    transaction = _transaction(code, acquired)
    shares, price = _at_least_zero(number_of(fields, "Shares"), "Shares"), _price(fields)
    owned_directly = _owned_directly(fields)
    symbol = ticker_or_none(fields, "Ticker")
    if traded_on > disclosed_on:
        raise Unreadable(f"expected a trade before its filing on {disclosed_on}, was one of {traded_on}")
    return ReadRow(
        key=(
            symbol or "",
            " ".join(insider.split()).casefold(),
            traded_on.isoformat(),
            code,
            "acquired" if acquired else "disposed",
            str(shares),
            "" if price is None else str(price),
            filed_told[:19],
            {True: "D", False: "I", None: ""}[owned_directly],
        ),
        symbol=symbol,
        disclosed_on=disclosed_on,
        columns={
            "insider": insider,
            "relationship": relationship(fields).value,
            "officer_title": text_or_none(fields, "officerTitle", longest=200),
            "is_director": flag_or_none(fields, "isDirector"),
            "is_officer": flag_or_none(fields, "isOfficer"),
            "is_ten_percent_owner": flag_or_none(fields, "isTenPercentOwner"),
            "transaction": transaction.value,
            "code": code,
            "acquired": acquired,
            "traded_on": traded_on,
            "shares": shares,
            "price_usd": price,
            "shares_after": number_or_none(fields, "SharesOwnedFollowing"),
            "owned_directly": owned_directly,
            "filed_told": filed_told,
        },
        row=row,
    )


def relationship(fields: Fields) -> Relationship:
    """Tell what the insider is, by the title, and where that says nothing, by what is ticked."""
    title = text_or_none(fields, "officerTitle") or ""
    for found, words in _TITLES:
        if re.search(words, title, re.IGNORECASE):
            return found
    for found, name in (
        (Relationship.DIRECTOR, "isDirector"),
        (Relationship.OFFICER, "isOfficer"),
        (Relationship.OWNER, "isTenPercentOwner"),
    ):
        if flag_or_none(fields, name):
            return found
    return Relationship.OTHER


def _code(fields: Fields) -> str:
    code = text_of(fields, "TransactionCode").upper()
    if code not in CODES:
        raise Unreadable(f"expected TransactionCode as a code of Form 4, was {shown(code)}")
    return code


def _acquired(fields: Fields) -> bool:
    told = text_of(fields, "AcquiredDisposedCode").upper()
    if told not in ("A", "D"):
        raise Unreadable(f"expected AcquiredDisposedCode as A or D, was {shown(told)}")
    return told == "A"


def _transaction(code: str, acquired: bool) -> InsiderTransaction:
    """Go by the code alone. That shares were acquired says nothing: most are granted."""
    if code == "P" and not acquired:
        raise Unreadable("expected a purchase (P) to be acquired (A), was disposed of (D)")
    if code == "S" and acquired:
        raise Unreadable("expected a sale (S) to be disposed of (D), was acquired (A)")
    return {"P": InsiderTransaction.PURCHASE, "S": InsiderTransaction.SALE}.get(code, InsiderTransaction.OTHER)


def _price(fields: Fields) -> Decimal | None:
    """Read the price of a share; 0 is how the source writes that there was none."""
    price = number_or_none(fields, "PricePerShare")
    return None if not price else _at_least_zero(price, "PricePerShare")


def _at_least_zero(number: Decimal, name: str) -> Decimal:
    if number < 0:
        raise Unreadable(f"expected {name} not to be below 0, was {number}")
    return number


def _owned_directly(fields: Fields) -> bool | None:
    told = text_or_none(fields, "directOrIndirectOwnership")
    if told is None:
        return None
    if told.upper() not in ("D", "I"):
        raise Unreadable(f"expected directOrIndirectOwnership as D or I, was {shown(told)}")
    return told.upper() == "D"
