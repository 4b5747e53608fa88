"""Asking: what each verb must be told. A command's words and a page's are read here, by the same rules."""

from collections.abc import Callable, Mapping

import msgspec

from trading.conductor.verbs.requests import THE_BACKLOG, Verb
from trading.risk.controls import LONGEST_REASON
from trading.values.arithmetic import plain
from trading.values.identifiers import OrderId
from trading.values.quantities import Shares, shares
from trading.values.symbols import Symbol, symbol

LONGEST_NUMBER = 100
LONGEST_BROKER_ORDER_ID = 128
LARGEST_ORDER = 2**63 - 1

ORDER_VERBS = frozenset(
    {Verb.RECHECK_ORDER, Verb.RESUME_ORDER, Verb.FAIL_ORDER, Verb.RECONCILE_ORDER, Verb.CANCEL_ORDER}
)
"""Verbs for an order; the others are for a symbol, but for the one that is for the backlog."""


class NotAskable(ValueError):
    """What was said can't be asked for. `problems` names each part that is wrong and says what was expected of it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator asks for, as its request keeps it."""

    verb: Verb
    subject: OrderId | Symbol | str
    reason: str
    details: dict[str, str]


def read(verb: Verb, subject: str, *, reason: str, said: Mapping[str, str]) -> Asked:
    """Read what an operator said. Raises NotAskable with every part that is wrong."""
    details = DETAILS.get(verb, {})
    if unknown := sorted(set(said) - set(details)):
        raise TypeError(f"{verb} is told {', '.join(details) or 'nothing'} besides, was told {', '.join(unknown)}")
    problems: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, text, of in (
        ("subject", subject, _subject_reader(verb)),
        *((name, said.get(name, ""), of) for name, of in details.items()),
        ("reason", reason, _reason),
    ):
        try:
            texts[name] = of(text)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise NotAskable(problems)
    return Asked(
        verb=verb,
        subject=OrderId(int(texts["subject"])) if verb in ORDER_VERBS else texts["subject"],
        reason=texts["reason"],
        details={name: texts[name] for name in details},
    )


def subject_of(verb: Verb, text: str) -> str:
    """Read what a verb is for: an order's number, a symbol, or the backlog. Raises NotAskable."""
    try:
        return _subject_reader(verb)(text)
    except ValueError as error:
        raise NotAskable({"subject": str(error)}) from error


def _subject_reader(verb: Verb) -> Callable[[str], str]:
    if verb in ORDER_VERBS:
        return _order
    return _backlog if verb is Verb.DRAIN_BACKLOG else symbol


def _backlog(text: str) -> str:
    if text.strip() != THE_BACKLOG:
        raise ValueError(f"expected {THE_BACKLOG}, since all of it is drained, was {text[:80]!r}")
    return THE_BACKLOG


def _order(text: str) -> str:
    stripped = text.strip()
    if not stripped.isascii() or not stripped.isdigit() or not 0 < int(stripped[:20]) <= LARGEST_ORDER:
        raise ValueError(f"expected our number of an order, was {text[:80]!r}")
    return str(int(stripped))


def _reason(text: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise ValueError("expected a reason, was empty")
    if len(stripped) > LONGEST_REASON or "\0" in stripped:
        raise ValueError(f"expected a reason of at most {LONGEST_REASON} letters, was one of {len(stripped)}")
    return stripped


def _signed(text: str) -> str:
    return plain(_shares(text))


def _above_zero(text: str) -> str:
    if (count := _shares(text)) <= 0:
        raise ValueError(f"expected more than 0 shares, was {plain(count)}")
    return plain(count)


def _shares(text: str) -> Shares:
    count = shares(text)
    if len(plain(count)) > LONGEST_NUMBER:
        raise ValueError(f"expected a number of shares of at most {LONGEST_NUMBER} digits, was {text.strip()[:80]}…")
    return count


def _yes_or_no(text: str) -> str:
    """A confirmation that nobody gave is a no."""
    if text not in ("", "no", "yes"):
        raise ValueError(f"expected yes or no, was {text[:80]!r}")
    return text or "no"


def _their_id(text: str) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > LONGEST_BROKER_ORDER_ID or not stripped.isprintable():
        raise ValueError(f"expected the broker's id of the order, was {text[:80]!r}")
    return stripped


_BY_HAND: Mapping[str, Callable[[str], str]] = {"shares": _above_zero, "may_raise": _yes_or_no}

DETAILS: Mapping[Verb, Mapping[str, Callable[[str], str]]] = {
    Verb.BUY: _BY_HAND,
    Verb.SELL: _BY_HAND,
    Verb.FAIL_ORDER: {"none_of_them": _yes_or_no},
    Verb.RECONCILE_ORDER: {"broker_order_id": _their_id},
    Verb.SET_POSITION: {"net": _signed},
}
"""What a verb is told besides its subject and the reason, and how each is read."""
