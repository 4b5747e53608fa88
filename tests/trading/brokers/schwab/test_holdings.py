"""Holdings: the account's money and its shares; who is absent from a whole list holds none (G3-35, G3-39)."""

from decimal import Decimal

import pytest

from tests.trading.brokers.schwab.schwab_json import AT, HASH, NUMBER, REFUSAL
from trading.brokers.market import Account, Holding
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, UnusableAnswer
from trading.brokers.schwab.broker import SchwabBroker
from trading.values.quantities import shares, usd
from trading.values.symbols import symbol

PATH = f"/trader/v1/accounts/{HASH}"
MARGIN = {
    "cashBalance": 1000.50,
    "buyingPower": 2001.00,
    "buyingPowerNonMarginableTrade": 1000.50,
    "equity": 5000.25,
    "longMarketValue": 3999.75,
    "shortMarketValue": 0.0,
}
CASH = {
    "cashBalance": 1000.50,
    "totalCash": 1000.50,
    "cashAvailableForTrading": 900.25,
    "cashAvailableForWithdrawal": 100.0,
    "liquidationValue": 5000.25,
}


def account(balances=None, **changes):
    plain = {
        "type": "MARGIN",
        "accountNumber": NUMBER,
        "roundTrips": 0,
        "isDayTrader": False,
        "isClosingOnlyRestricted": False,
        "currentBalances": {**MARGIN, **(balances or {})},
    }
    return {"securitiesAccount": {**plain, **changes}}


def position(name="AAPL", long=0.0, short=0.0, **changes):
    return {
        "shortQuantity": short,
        "averagePrice": 150.125,
        "longQuantity": long,
        "instrument": {"assetType": "EQUITY", "symbol": name, "cusip": "037833100"},
        **changes,
    }


def answers(httpserver, body, **how):
    httpserver.expect_request(PATH, method="GET").respond_with_json(body, **how)


# The account.


def test_a_margin_account_is_told(broker, memory, httpserver):
    """G3-35: what may be bought on margin, and not what may be bought of what can't be."""
    answers(httpserver, account())

    assert broker.account() == Account(
        number=NUMBER,
        paper=False,
        blocked=None,
        cash_usd=usd("1000.5"),
        buying_power_usd=usd(2001),
        equity_usd=usd("5000.25"),
        shorting=False,
        as_of=AT,
    )
    assert memory.sent[-1].reference.purpose == "account"


def test_a_cash_account_is_told(broker, httpserver):
    """G3-35: what is available for trading, and not what is settled."""
    answers(httpserver, account(type="CASH", currentBalances=CASH))

    told = broker.account()

    assert (told.cash_usd, told.buying_power_usd, told.equity_usd) == (
        usd("1000.5"),
        usd("900.25"),
        usd("5000.25"),
    )


def test_cash_has_two_names(broker, httpserver):
    answers(httpserver, account(type="CASH", currentBalances={**CASH, "cashBalance": None}))

    assert broker.account().cash_usd == usd("1000.5")


def test_no_cash_at_all_is_zero_and_not_unknown(broker, httpserver):
    answers(httpserver, account({"cashBalance": 0.0, "totalCash": 7.0, "buyingPower": 0}))

    told = broker.account()

    assert (told.cash_usd, told.buying_power_usd) == (0, 0)


def test_an_account_that_may_only_close_is_blocked(broker, httpserver):
    answers(httpserver, account(isClosingOnlyRestricted=True))

    assert broker.account().blocked == "it is restricted to closing orders"


def test_a_stand_in_for_schwab_does_not_say_whether_it_is_real(http, tokens, accounts, httpserver):
    answers(httpserver, account())
    broker = SchwabBroker(http=http, tokens=tokens, account_number=NUMBER, clock=lambda: AT, paper=None)

    assert broker.account().paper is None


@pytest.mark.parametrize(
    "body",
    [
        # None would be no limit.
        account({"buyingPower": None}),
        account({"buyingPower": "much"}),
        account(type="CASH", currentBalances={"cashBalance": 5}),
        account(type="TRUST"),
        account(type=None),
        account(isClosingOnlyRestricted=None),
        account(isClosingOnlyRestricted="false"),
        account(currentBalances=None),
        {"securitiesAccount": None},
        [account()],
        {},
    ],
)
def test_an_account_that_can_not_be_read_is_told_so(broker, httpserver, body):
    answers(httpserver, body)

    with pytest.raises(UnusableAnswer, match="asking for the account: expected"):
        broker.account()


def test_another_account_in_the_answer_is_not_ours(broker, httpserver):
    answers(httpserver, account(accountNumber="99998888", positions=[]))

    for question in (broker.account, broker.holdings):
        with pytest.raises(NotAuthorised, match=r"expected account …678, was …888$"):
            question()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, NotAuthorised), (403, NotAuthorised), (404, UnusableAnswer), (500, BrokerUnavailable)],
)
def test_an_account_that_is_not_told_is_an_error(broker, httpserver, status, error):
    answers(httpserver, REFUSAL, status=status)

    for question in (broker.account, broker.holdings):
        with pytest.raises(error):
            question()


# Holdings.


def test_shares_are_told_net_and_others_are_left_out(broker, memory, httpserver):
    """G3-39: money, options and bonds are no shares; a fund that is traded like a stock is."""
    answers(
        httpserver,
        account(
            positions=[
                position("TSLA", short=2.0),
                position("AAPL", long=10.0),
                position("BRK/B", long=3, short=1, averagePrice=0.0),
                position("SPY", long=1.0, instrument={"assetType": "COLLECTIVE_INVESTMENT", "symbol": "SPY"}),
                position("GONE", long=0.0),
                position(instrument={"assetType": "OPTION", "symbol": "AAPL  251219C00200000"}, long=1.0),
                position(instrument={"assetType": "MUTUAL_FUND", "symbol": "SWPPX"}, long=1.5),
                position(instrument={"assetType": "FIXED_INCOME", "cusip": "912828"}, long=1000.0),
                position(instrument={"assetType": "CURRENCY", "symbol": "USDCUSD"}, long=5.0),
                position(instrument={"assetType": "CASH_EQUIVALENT", "symbol": "MMDA1"}, long=5.0),
            ]
        ),
    )

    holdings = broker.holdings()

    price = usd("150.125")
    assert holdings.held == (
        Holding(symbol="AAPL", net_shares=shares(10), average_entry_price_usd=price),
        Holding(symbol="BRK.B", net_shares=shares(2)),
        Holding(symbol="SPY", net_shares=shares(1), average_entry_price_usd=price),
        Holding(symbol="TSLA", net_shares=shares(-2), average_entry_price_usd=price),
    )
    assert holdings.as_of == AT
    assert holdings.of(symbol("MSFT")).net_shares == 0
    assert httpserver.log[-1][0].args["fields"] == "positions"
    assert memory.sent[-1].reference.purpose == "holdings"


def test_two_positions_in_one_symbol_are_one_holding(broker, httpserver):
    answers(httpserver, account(positions=[position(long=10.0), position(short=4.5)]))

    assert broker.holdings().held == (Holding(symbol="AAPL", net_shares=shares("5.5")),)


def test_a_fraction_of_a_share_is_exact(broker, httpserver):
    httpserver.expect_request(PATH).respond_with_data(
        f'{{"securitiesAccount": {{"accountNumber": "{NUMBER}", "positions": [{{"longQuantity": 1.123456789012345678, '
        '"shortQuantity": 0, "instrument": {"assetType": "EQUITY", "symbol": "AAPL"}}]}}'
    )

    assert broker.holdings().of(symbol("AAPL")).net_shares == Decimal("1.123456789012345678")


@pytest.mark.parametrize("positions", [None, []])
def test_an_empty_account_holds_nothing(broker, httpserver, positions):
    answers(httpserver, account({"longMarketValue": 0.0}, positions=positions))

    assert broker.holdings().held == ()


@pytest.mark.parametrize("name", ["longMarketValue", "shortMarketValue", "longMarginValue"])
def test_positions_that_are_worth_something_and_not_listed_are_not_none(broker, httpserver, name):
    """G3-39: absent is zero only in a list that is whole."""
    answers(httpserver, account({"longMarketValue": 0, name: -5.5}))

    with pytest.raises(UnusableAnswer, match=f"positions that make up {name}"):
        broker.holdings()


@pytest.mark.parametrize(
    "positions",
    [
        "none",
        ["AAPL"],
        [position(longQuantity=None)],
        [position(shortQuantity="few")],
        [position(instrument=None)],
        [position(instrument={"symbol": "AAPL"})],
        [position(instrument={"assetType": "EQUITY"})],
        [position(instrument={"assetType": "NOVELTY", "symbol": "AAPL"})],
        [position("A B", long=1)],
    ],
)
def test_a_position_that_can_not_be_read_is_not_passed_over(broker, httpserver, positions):
    answers(httpserver, account(positions=[position("TSLA", long=1), *positions] if positions != "none" else "none"))

    with pytest.raises(UnusableAnswer, match="asking for the holdings: expected"):
        broker.holdings()


def test_a_page_in_place_of_holdings_is_no_empty_account(broker, httpserver):
    httpserver.expect_request(PATH).respond_with_data("<html>")

    with pytest.raises(UnusableAnswer, match="expected JSON"):
        broker.holdings()
