"""Rows of public records as Quiver writes them: amounts as text, times without a zone, and names in capitals.

The people and their trades are made up; the shapes are the contract's.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

_POLITICIANS = (
    ("Ada Example", "E000001", "D", "Representatives", "CA"),
    ("Ben Sample", "S000002", "R", "Senate", "TX"),
    ("Cora Specimen", "S000003", "D", "Senate", "NY"),
    ("Dan Instance", "I000004", "R", "Representatives", "FL"),
)
_COMPANIES = {
    "AAPL": "Apple Inc.",
    "AMZN": "Amazon.com, Inc.",
    "BRK.B": "Berkshire Hathaway Inc.",
    "GOOGL": "Alphabet Inc.",
    "MSFT": "Microsoft Corporation",
    "NVDA": "NVIDIA Corporation",
    "TSLA": "Tesla, Inc.",
}
_RANGES = {
    "1001.0": "$1,001 - $15,000",
    "15001.0": "$15,001 - $50,000",
    "50001.0": "$50,001 - $100,000",
    "100001.0": "$100,001 - $250,000",
}
_TRANSACTIONS = ("Purchase", "Purchase", "Purchase", "Sale (Partial)", "Purchase", "Sale (Full)", "Exchange")
_INSIDERS = (
    ("DOE JANE", "Chief Executive Officer", True, True, False),
    ("ROE RICHARD", "EVP and CFO", False, True, False),
    ("POE PAUL", None, True, False, False),
    ("COE CAPITAL LP", None, False, False, True),
)
_CODES = (("P", "A"), ("S", "D"), ("A", "A"), ("P", "A"), ("F", "D"))
DAYS = 14
WEEKS_LATE = timedelta(weeks=4)


def congress_row(**changes: Any) -> Row:
    """A purchase by a member of the House, as V2 has it."""
    return {
        "Ticker": "AAPL",
        "TickerType": "ST",
        "Company": "Apple Inc.",
        "Traded": "2026-02-02T00:00:00.000",
        "Transaction": "Purchase",
        "Trade_Size_USD": "1001.0",
        "Status": "New",
        "Subholding": None,
        "Description": None,
        "Name": "Ada Example",
        "BioGuideID": "E000001",
        "Filed": "2026-03-01T00:00:00.000",
        "Party": "D",
        "Chamber": "Representatives",
        "District": "CA12",
        "State": "California",
        "Comments": None,
        "Quiver_Upload_Time": "2026-03-01T21:45:26.820",
        "excess_return": "1.25",
        "last_modified": "2026-03-01T22:00:00.000",
        **changes,
    }


def as_v1(row: Row) -> Row:
    """Write a row as V1 has it, which tells the whole range and leaves out the company."""
    return {
        "Representative": row["Name"],
        "BioGuideID": row["BioGuideID"],
        "ReportDate": row["Filed"][:10],
        "TransactionDate": row["Traded"][:10],
        "Ticker": row["Ticker"],
        "Transaction": row["Transaction"],
        "Range": _RANGES.get(row["Trade_Size_USD"]),
        "Amount": row["Trade_Size_USD"],
        "House": row["Chamber"],
        "District": row["District"],
        "Party": row["Party"],
        "TickerType": row["TickerType"],
        "Description": row["Description"],
        "ExcessReturn": Decimal(row["excess_return"]),
        "PriceChange": Decimal("2.5"),
        "SPYChange": Decimal("1.25"),
        "last_modified": row["last_modified"],
    }


def insider_row(**changes: Any) -> Row:
    """A purchase on the open market by a chief executive, as a Form 4 tells it."""
    return {
        "Ticker": "AAPL",
        "Date": "2026-02-27T00:00:00.000",
        "Name": "DOE JANE",
        "AcquiredDisposedCode": "A",
        "TransactionCode": "P",
        "Shares": Decimal("1000.0"),
        "PricePerShare": Decimal("271.49"),
        "SharesOwnedFollowing": Decimal("42979.0"),
        "fileDate": "2026-03-01T21:44:37.000",
        "officerTitle": "Chief Executive Officer",
        "isDirector": True,
        "isOfficer": True,
        "isTenPercentOwner": False,
        "isOther": False,
        "directOrIndirectOwnership": "D",
        "uploaded": "2026-03-01T21:45:26.820",
        **changes,
    }


def congress_rows(today: date) -> Iterator[Row]:
    """What was filed in a fortnight until today, newest first: some days' trades of four politicians."""
    for back in range(DAYS):
        filed = today - timedelta(days=back)
        for place in range(2):
            number = 2 * back + place
            name, bioguide, party, chamber, state = _POLITICIANS[number % len(_POLITICIANS)]
            ticker = tuple(_COMPANIES)[number // 2 % len(_COMPANIES)]
            yield congress_row(
                Ticker=ticker,
                Company=_COMPANIES[ticker],
                Traded=f"{filed - WEEKS_LATE}T00:00:00.000",
                Transaction=_TRANSACTIONS[number % len(_TRANSACTIONS)],
                Trade_Size_USD=tuple(_RANGES)[number % len(_RANGES)],
                Name=name,
                BioGuideID=bioguide,
                Filed=f"{filed}T00:00:00.000",
                Party=party,
                Chamber=chamber,
                State=state,
                Quiver_Upload_Time=f"{filed}T21:45:26.820",
                last_modified=f"{filed}T22:00:00.000",
            )


def insider_rows(today: date) -> Iterator[Row]:
    """What was filed in a fortnight until today, newest first."""
    for back in range(DAYS):
        filed = today - timedelta(days=back)
        name, title, is_director, is_officer, is_owner = _INSIDERS[back % len(_INSIDERS)]
        code, acquired = _CODES[back % len(_CODES)]
        yield insider_row(
            Ticker=tuple(_COMPANIES)[back % len(_COMPANIES)],
            Date=f"{filed - timedelta(days=2)}T00:00:00.000",
            Name=name,
            TransactionCode=code,
            AcquiredDisposedCode=acquired,
            Shares=Decimal(100 * (back + 1)),
            PricePerShare=None if code == "A" else Decimal("271.49"),
            officerTitle=title,
            isDirector=is_director,
            isOfficer=is_officer,
            isTenPercentOwner=is_owner,
            fileDate=f"{filed}T21:44:37.000",
            uploaded=f"{filed}T21:45:26.820",
        )
