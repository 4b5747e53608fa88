"""Holdings: the account's money, and everything that it holds."""

from decimal import Decimal

from trading.brokers.http import Answer
from trading.brokers.market import Account, Holding, Holdings
from trading.brokers.outcomes import NotAuthorised, UnusableAnswer
from trading.brokers.recording import Reference
from trading.brokers.schwab.accounts import SchwabAccount, tail
from trading.brokers.schwab.answers import (
    Json,
    Unreadable,
    flag_of,
    json_of,
    number_of,
    number_or_none,
    object_of,
    objects_of,
    text_of,
)
from trading.brokers.schwab.reports import OTHER_ASSETS, SHARES
from trading.brokers.schwab.symbols import from_schwab
from trading.values.arithmetic import add, subtract
from trading.values.quantities import Shares, Usd
from trading.values.symbols import NotASymbol, Symbol

# By the account's kind: which balance says what may be bought for now, and which what all of it is worth.
_BUYING_POWER = {"MARGIN": "buyingPower", "CASH": "cashAvailableForTrading"}
_EQUITY = {"MARGIN": "equity", "CASH": "liquidationValue"}
# Any of these above zero belies an answer without positions.
_WORTH_OF_POSITIONS = (
    "longMarketValue",
    "shortMarketValue",
    "longMarginValue",
    "shortMarginValue",
    "longNonMarginableMarketValue",
)


class SchwabHoldings:
    """What one account has."""

    def __init__(self, *, account: SchwabAccount, paper: bool | None) -> None:
        self._account, self._paper = account, paper

    def account(self) -> Account:
        what = "asking for the account"
        answer = self._account.call("GET", "", reference=Reference(purpose="account"))
        try:
            account = self._ours(answer, what)
            kind, balances = text_of(account, "type"), object_of(account.get("currentBalances"), name="currentBalances")
            if kind not in _BUYING_POWER:
                raise Unreadable(f"expected an account of type CASH or MARGIN, was {kind!r:.80}")
            closing_only = flag_of(account, "isClosingOnlyRestricted")
            # Without a number there is no limit, for those who read this: a missing one is an error, never None.
            buying_power = Usd(number_of(balances, _BUYING_POWER[kind]))
            cash = number_or_none(balances, "cashBalance")
            cash = number_or_none(balances, "totalCash") if cash is None else cash
            equity = number_or_none(balances, _EQUITY[kind])
        except Unreadable as error:
            raise UnusableAnswer(f"{what}: {error}") from None
        return Account(
            number=self._account.number,
            paper=self._paper,
            blocked="it is restricted to closing orders" if closing_only else None,
            cash_usd=None if cash is None else Usd(cash),
            buying_power_usd=buying_power,
            equity_usd=None if equity is None else Usd(equity),
            # No order of ours sells what is not held, whatever the account may do.
            shorting=False,
            as_of=answer.asked_at,
        )

    def holdings(self) -> Holdings:
        """List the shares that are held. Options, bonds, money funds and the like are no shares, and are left out."""
        what = "asking for the holdings"
        answer = self._account.call("GET", "", reference=Reference(purpose="holdings"), params={"fields": "positions"})
        try:
            account = self._ours(answer, what)
            if account.get("positions") is None:
                _expect_nothing_held(account)
            held: dict[Symbol, Holding] = {}
            for position in objects_of(account, "positions"):
                if (holding := _holding(position)) is not None:
                    before = held.get(holding.symbol)
                    held[holding.symbol] = holding if before is None else _together(before, holding)
        except (Unreadable, NotASymbol) as error:
            raise UnusableAnswer(f"{what}: {error}") from None
        return Holdings(
            held=tuple(holding for _, holding in sorted(held.items()) if holding.net_shares != 0),
            as_of=answer.asked_at,
        )

    def _ours(self, answer: Answer, what: str) -> Json:
        body = object_of(json_of(answer, what=what), name="the answer")
        account = object_of(body.get("securitiesAccount"), name="securitiesAccount")
        number = text_of(account, "accountNumber")
        if number != self._account.number:
            raise NotAuthorised(f"{what}: expected account {tail(self._account.number)}, was {tail(number)}")
        return account


def _expect_nothing_held(account: Json) -> None:
    """An empty account has no list of positions; one whose positions are worth something was not told whole."""
    balances = object_of(account.get("currentBalances"), name="currentBalances")
    for name in _WORTH_OF_POSITIONS:
        if (number_or_none(balances, name) or Decimal(0)) != 0:
            raise Unreadable(f"expected the positions that make up {name}, was no list of them")


def _holding(position: Json) -> Holding | None:
    instrument = object_of(position.get("instrument"), name="instrument")
    kind = text_of(instrument, "assetType")
    if kind in OTHER_ASSETS:
        return None
    if kind not in SHARES:
        raise Unreadable(f"expected a position in shares or in one of the known kinds, was {kind!r:.80}")
    price = number_or_none(position, "averagePrice")
    return Holding(
        symbol=from_schwab(text_of(instrument, "symbol")),
        net_shares=Shares(subtract(number_of(position, "longQuantity"), number_of(position, "shortQuantity"))),
        # Schwab tells zero where it does not know what was paid, as after a transfer.
        average_entry_price_usd=Usd(price) if price else None,
    )


def _together(one: Holding, other: Holding) -> Holding:
    return Holding(symbol=one.symbol, net_shares=Shares(add(one.net_shares, other.net_shares)))
