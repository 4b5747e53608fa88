"""Alpaca, whatever it answers: an answer in the port's words, or one of its errors."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.played import http_of, service
from tests.support.alpaca import ACCOUNT, AT, KEY, ORDER, OURS, SECRET, request
from tests.support.alpaca_answers import AAPL, REFUSAL, answers
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity, Mode
from trading.brokers.outcomes import BrokerError
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.secret import Secret

CALLS = {
    "submit": lambda broker: broker.submit(request()),
    "find": lambda broker: broker.find(ClientOrderId(OURS)),
    "report": lambda broker: broker.report(BrokerOrderId(ORDER)),
    "cancel": lambda broker: broker.cancel(BrokerOrderId(ORDER)),
    "open orders": lambda broker: broker.open_orders(),
    "orders": lambda broker: broker.orders(since=AT - timedelta(days=1), until=AT + timedelta(days=1)),
    "account": lambda broker: broker.account(),
    "holdings": lambda broker: broker.holdings(),
    "quote": lambda broker: broker.quote(AAPL),
    "asset": lambda broker: broker.asset(AAPL),
    "clock": lambda broker: broker.clock(),
    "sessions": lambda broker: broker.sessions(first=date(2026, 3, 2), last=date(2026, 3, 3)),
}


@fuzzed(600)
@given(data=st.data(), call=st.sampled_from(sorted(CALLS)), refuses=st.integers(0, 7))
def test_whatever_alpaca_answers_is_read_or_an_error_of_the_ports(data, call, refuses):
    said = (lambda method, path: (403, REFUSAL)) if refuses == 0 else answers
    broker = alpaca(service(data.draw, said))

    ends_well(lambda: CALLS[call](broker), BrokerError)


def alpaca(transport):
    http = http_of(transport, clock=AT)
    identity = Identity(
        mode=Mode.PAPER, key=Secret(KEY), secret=Secret(SECRET), account=ACCOUNT, trading_url="http://fuzzed"
    )
    return AlpacaBroker(identity=identity, trading=http, data=http)
