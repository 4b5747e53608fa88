"""Schwab, whatever it answers: an answer in the port's words, or one of its errors."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.played import http_of, service
from tests.trading.brokers.schwab.schwab_json import (
    ACCOUNT_NUMBERS,
    AT,
    HASH,
    NUMBER,
    ORDERS,
    REFUSAL,
    Tokens,
    executions,
    filled,
    order,
    recorded,
    request,
)
from tests.trading.brokers.schwab.test_holdings import CASH, account, position
from tests.trading.brokers.schwab.test_hours import day
from trading.brokers.outcomes import BrokerError
from trading.brokers.schwab.broker import SchwabBroker
from trading.brokers.schwab.oauth import SchwabOAuth
from trading.values.identifiers import BrokerOrderId
from trading.values.secret import Secret
from trading.values.symbols import Symbol

AAPL = Symbol("AAPL")
ONE = 1004055538123
WORKING, DONE = order(ONE), filled(ONE, orderActivityCollection=executions((1.5, 187.25), (2.5, 187.5)))
REPLACED = order(
    ONE,
    status="REPLACED",
    closeTime="2025-11-20T16:00:03+0000",
    replacingOrderCollection=[{"orderId": ONE + 1}],
)
ENTRY = recorded("GET /marketdata/v1/quotes")["body"]["AAPL"]
TOKENS = {"access_token": "I0.access@", "refresh_token": "refresh-token@", "expires_in": 1800, "token_type": "Bearer"}


def answers(kind):
    def answer(method, path):
        if method == "POST" and path == "/v1/oauth/token":
            return 200, TOKENS
        if method in ("POST", "DELETE"):
            return 201, {}
        found = {
            ACCOUNT_NUMBERS: [{"accountNumber": NUMBER, "hashValue": HASH}],
            ORDERS: [WORKING, filled(ONE + 1), {**REPLACED, "orderId": ONE + 2}],
            f"{ORDERS}/{ONE}": {"replaced": REPLACED, "filled": DONE}.get(kind, WORKING),
            f"{ORDERS}/{ONE + 1}": filled(ONE + 1),
            f"/trader/v1/accounts/{HASH}": account(
                **({"type": "CASH", "balances": CASH} if kind == "cash" else {}),
                positions=[position(long=4.25), position(long=1), position("TSLA", short=2)],
            ),
            "/marketdata/v1/quotes": {"AAPL": ENTRY},
            "/marketdata/v1/markets/equity": day("2025-11-20"),
        }
        return (200, found[path]) if path in found else (404, REFUSAL)

    return answer


CALLS = {
    "submit": lambda broker: broker.submit(request()),
    "report": lambda broker: broker.report(BrokerOrderId(str(ONE))),
    "cancel": lambda broker: broker.cancel(BrokerOrderId(str(ONE))),
    "open orders": lambda broker: broker.open_orders(),
    "orders": lambda broker: broker.orders(since=AT - timedelta(days=1), until=AT),
    "account": lambda broker: broker.account(),
    "holdings": lambda broker: broker.holdings(),
    "quote": lambda broker: broker.quote(AAPL),
    "asset": lambda broker: broker.asset(AAPL),
    "clock": lambda broker: broker.clock(),
    "sessions": lambda broker: broker.sessions(first=date(2025, 11, 20), last=date(2025, 11, 20)),
}


@fuzzed(500)
@given(
    data=st.data(), call=st.sampled_from(sorted(CALLS)), kind=st.sampled_from(("working", "filled", "replaced", "cash"))
)
def test_whatever_schwab_answers_is_read_or_an_error_of_the_ports(data, call, kind):
    http = http_of(service(data.draw, answers(kind)), clock=AT)
    broker = SchwabBroker(http=http, tokens=Tokens(), account_number=NUMBER, clock=lambda: AT)

    ends_well(lambda: CALLS[call](broker), BrokerError)


@fuzzed(150)
@given(data=st.data(), refreshes=st.booleans())
def test_whatever_schwab_answers_to_a_login_it_gives_tokens_or_is_an_error_of_the_ports(data, refreshes):
    http = http_of(service(data.draw, answers("login")), clock=AT)
    oauth = SchwabOAuth(
        app_key=Secret("key-of-nobody"), app_secret=Secret("secret"), redirect_uri="https://127.0.0.1", http=http
    )

    ends_well(lambda: (oauth.refresh if refreshes else oauth.exchange)(Secret("token-of-nobody")), BrokerError)
