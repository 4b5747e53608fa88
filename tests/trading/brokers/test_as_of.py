"""As of: what a broker says is as old as our question, however long its answer takes (G2-23)."""

from datetime import timedelta

import httpx2
import pytest

from tests.fuzzing.played import Forgetful
from tests.support.alpaca import ACCOUNT, AT, KEY, SECRET
from tests.support.alpaca_answers import AAPL
from tests.support.alpaca_answers import answers as alpacas
from tests.support.schwab_answers import answers as schwabs
from tests.trading.brokers.schwab.schwab_json import HTTP_DATE, NUMBER, Tokens
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity, Mode
from trading.brokers.http import BrokerHttp
from trading.brokers.schwab.broker import SchwabBroker
from trading.values.secret import Secret

TAKES = timedelta(seconds=20)
QUESTIONS = ["account", "holdings", "quote", "asset", "clock"]


class Slow:
    """A broker whose every answer takes twenty seconds, and the clock beside it."""

    def __init__(self, answers):
        self.now, self.answers = AT, answers
        self.http = BrokerHttp(
            source="slow",
            base_url="http://slow",
            recorder=Forgetful(),
            clock=lambda: self.now,
            transport=httpx2.MockTransport(self.answer),
        )

    def answer(self, request):
        self.now += TAKES
        status, body = self.answers(request.method, request.url.path)
        return httpx2.Response(status, json=body, headers={"Date": HTTP_DATE})


def alpaca():
    slow = Slow(alpacas)
    identity = Identity(
        mode=Mode.PAPER, key=Secret(KEY), secret=Secret(SECRET), account=ACCOUNT, trading_url="http://slow"
    )
    return slow, AlpacaBroker(identity=identity, trading=slow.http, data=slow.http)


def schwab():
    slow = Slow(schwabs("working"))
    broker = SchwabBroker(http=slow.http, tokens=Tokens(), account_number=NUMBER, clock=lambda: slow.now)
    broker.account()  # It knows the account's hash from now on, and asks one question for one answer.
    return slow, broker


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("broker", [alpaca, schwab])
def test_an_answer_is_as_old_as_its_question(broker, question):
    slow, asked = broker()
    began = slow.now

    told = getattr(asked, question)(*([AAPL] if question in ("quote", "asset") else []))

    assert slow.now > began
    assert told.as_of == began
