"""Schwab, whatever it answers: an answer in the port's words, or one of its errors."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.played import http_of, service
from tests.support.schwab_answers import AAPL, ONE, answers
from tests.trading.brokers.schwab.schwab_json import AT, NUMBER, Tokens, request
from trading.brokers.outcomes import BrokerError
from trading.brokers.schwab.broker import SchwabBroker
from trading.brokers.schwab.oauth import SchwabOAuth
from trading.values.identifiers import BrokerOrderId
from trading.values.secret import Secret

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
