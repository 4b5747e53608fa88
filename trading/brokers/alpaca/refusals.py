"""Refusals: what Alpaca says when it does not do what was asked, and what may be done next.

One code stands for many things, so the words and the figures beside them decide.
"""

import re

import msgspec

from trading.brokers.alpaca.answers import Unreadable, object_of
from trading.brokers.http import Answer

# What Alpaca sends along with a refusal, where it has to do with the order.
_FIGURES = (
    "symbol",
    "buying_power",
    "cost_basis",
    "available",
    "existing_qty",
    "held_for_orders",
    "available_qty",
    "required_qty",
    "existing_order_id",
    "related_orders",
    "reject_reason",
)
_LONGEST_FIGURE = 120

_NOT_FOUND = 40410000
_NOT_ALLOWED = 40310000

_CLIENT_ORDER_ID = re.compile(r"client[ _-]?order[ _-]?id", re.IGNORECASE)
_USED = re.compile(r"\b(unique|duplicate|already|exists)\b", re.IGNORECASE)
# The account or the key, and not this order: no other order would fare better. "account is not allowed to short" and
# "account is restricted for option trading" are of one kind of order, and don't match.
_ACCOUNT = re.compile(
    r"forbidden"
    r"|.*\baccess key\b.*|.*\bapi key\b.*"
    r"|(request is )?(not authorized|unauthorized)"
    r"|(the )?account is not (authorized|allowed) to trade"
    r"|(the )?account (is |has been )?(restricted|blocked|closed|disabled|suspended|inactive|not active)"
    r"|trading (is |has been )?(blocked|suspended|not allowed)( for (the |this )?account)?"
    r"|new orders are rejected by user request",
    re.IGNORECASE,
)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Alpaca's own words for a no."""

    status: int
    code: int | None
    message: str
    figures: tuple[tuple[str, str], ...]

    def told(self) -> str:
        known = [str(self.status), *([] if self.code is None else [f"code {self.code}"])]
        figures = [f"{name} {value}" for name, value in self.figures]
        return f"{self.message} ({', '.join(known + figures)})"

    @property
    def repeats_an_id(self) -> bool:
        """Tell whether an order was ever sent under this client order id: it is there, and stays ours for ever."""
        return all(words.search(self.message) for words in (_CLIENT_ORDER_ID, _USED))

    @property
    def is_of_the_account(self) -> bool:
        """Tell whether the account or the key is refused, and not this order."""
        return (
            self.status == 403
            and self.code in (None, _NOT_ALLOWED)
            and not self.figures
            and _ACCOUNT.fullmatch(self.message.strip().rstrip(".")) is not None
        )

    @property
    def finds_nothing(self) -> bool:
        """Tell whether what was asked for is not there. A path that Alpaca does not know has the same code."""
        return self.status == 404 and self.code == _NOT_FOUND and "endpoint" not in self.message.lower()


def refusal_of(answer: Answer) -> Refusal | None:
    """Read a refusal; None where the answer is not in Alpaca's words, as where a proxy refuses with a page."""
    try:
        row = object_of(answer)
    except Unreadable:
        return None
    message, code = row.get("message"), row.get("code")
    if not isinstance(message, str) or not message:
        return None
    figures = ((name, _figure(row[name])) for name in _FIGURES if row.get(name) is not None)
    return Refusal(
        status=answer.status,
        code=code if isinstance(code, int) and not isinstance(code, bool) else None,
        message=message[:300],
        figures=tuple(figures),
    )


def _figure(value: object) -> str:
    told = " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    return told[:_LONGEST_FIGURE]
