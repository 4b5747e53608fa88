"""Schwab keeps the contract of brokers, at a venue that speaks its protocol; and what is Schwab's own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx2
import pytest

from config.venues.accounts import Account
from config.venues.exchange import Exchange
from config.venues.faults import (
    Fault,
    Where,
    cut_after,
    cut_within,
    fail_after,
    gateway_page,
    hide,
    html,
    location,
    rate_limited,
    refuse,
)
from config.venues.filling import Ending
from config.venues.keys import SCHWAB_APP_KEY, SCHWAB_APP_SECRET
from config.venues.schwab import SchwabVenue
from config.venues.schwab_tokens import REDIRECT_URI
from tests.contracts.broker_contract import BrokerContract
from trading.brokers.http import BrokerHttp
from trading.brokers.orders import OrderRequest, OrderStatus, same_order
from trading.brokers.outcomes import LoginNeeded, NotAuthorised, OrderRejected, OutcomeUnknown
from trading.brokers.schwab.broker import SchwabBroker
from trading.brokers.schwab.oauth import Grant, SchwabOAuth
from trading.values.quantities import shares, usd
from trading.values.secret import Secret
from trading.values.sides import Side
from trading.values.symbols import Symbol, symbol

# A Thursday at eleven in New York, a week before Thanksgiving.
AT = datetime(2025, 11, 20, 16, tzinfo=UTC)

ACCOUNT_NUMBER = Account().number


class Unrecorded:
    def sending(self, call: object) -> int:
        return 1

    def received(self, record: int, answer: object) -> None:
        pass

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        pass


class RefreshedTokens:
    """The tokens of one login, in memory."""

    def __init__(self, oauth: SchwabOAuth, grant: Grant) -> None:
        self._oauth, self._grant = oauth, grant

    def current(self) -> Secret:
        return self._grant.access_token

    def refused(self, token: Secret) -> Secret:
        if token == self._grant.access_token:
            self._grant = self._oauth.refresh(self._grant.refresh_token)
        return self._grant.access_token


class PlayedSchwab:
    """Schwab's venue, with an account that has enough of everything."""

    price_usd = Decimal("187.3456")

    @pytest.fixture(autouse=True)
    def _venue(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        account = Account(number=ACCOUNT_NUMBER, cash_usd=Decimal(10) ** 12)
        account.hold("AAPL", Decimal(10) ** 9, Decimal(100))
        exchange = Exchange(
            clock=AT, accounts=[account], prices_usd={"AAPL": self.price_usd, "BRK/B": Decimal(504)}, fill_seconds=2
        )
        self.venue = SchwabVenue(exchange)
        self.clients: list[BrokerHttp] = []
        self.was_away = False
        # The venue's clock hangs on its wall.
        monkeypatch.setattr(
            "config.venues.server._Handler.date_time_string",
            lambda handler, timestamp=None: format_datetime(self.now(), usegmt=True),
        )
        with self.venue:
            self.granted = _grant(self.venue.login())
            yield
            for client in self.clients:
                client.close()

    def http(self) -> BrokerHttp:
        client = BrokerHttp(
            source="schwab",
            base_url=self.venue.url,
            recorder=Unrecorded(),
            clock=self.now,
            answer_seconds=5,
            transport=httpx2.HTTPTransport(verify=False),
        )
        self.clients.append(client)
        return client

    def oauth(self, http: BrokerHttp) -> SchwabOAuth:
        return SchwabOAuth(
            app_key=Secret(SCHWAB_APP_KEY), app_secret=Secret(SCHWAB_APP_SECRET), redirect_uri=REDIRECT_URI, http=http
        )

    def make_broker(self, behaviour: str = "fill") -> SchwabBroker:
        if behaviour == "partial":
            self.venue.exchange.set_rule(2, Ending.CANCELLED)
        if behaviour == "unavailable" and not self.was_away:
            self.was_away = True
            self.venue.faults.add(rate_limited(call="submit"))
        http = self.http()
        return SchwabBroker(
            http=http,
            tokens=RefreshedTokens(self.oauth(http), self.granted),
            account_number=ACCOUNT_NUMBER,
            clock=self.now,
            paper=None,
        )

    def now(self) -> datetime:
        return self.venue.exchange.clock.now()

    def wait_until_half_filled(self) -> None:
        self.venue.exchange.clock.advance(1)

    def wait_until_done(self) -> None:
        self.venue.exchange.clock.advance(2)

    def orders_at_the_venue(self) -> int:
        return len(self.venue.exchange.orders)

    def unlisted_symbol(self) -> Symbol | None:
        return symbol("ZZZZ")


class TestSchwab(PlayedSchwab, BrokerContract):
    pass


class TestSchwabsOwnWays(PlayedSchwab):
    request = BrokerContract.request

    # An order of unknown outcome.

    @pytest.mark.parametrize(
        "fault",
        [
            cut_after(),
            fail_after(500),
            fail_after(502),
            refuse(503, "submit"),
            gateway_page(403, "submit"),
            html("submit"),
            location(Where.MISSING),
            location(Where.UNPARSABLE),
            location(Where.OTHER_ACCOUNT),
        ],
        ids=str,
    )
    def test_an_order_of_unknown_outcome_is_found_by_its_looks_or_was_not_taken(self, fault: Fault):
        """C9: whatever the answer was, the list of orders tells; nothing is sent twice."""
        broker, request = self.make_broker(), self.request()
        self.venue.faults.add(fault)

        with pytest.raises(OutcomeUnknown, match=r"submit|POST"):
            broker.submit(request)

        assert len(self.venue.asked("submit")) == 1
        assert len(self.ours(broker, request)) == self.orders_at_the_venue() == (1 if fault.kind.takes else 0)

    def test_an_address_of_another_order_is_not_taken_for_ours(self):
        """C9: the answer names the order before this one."""
        broker = self.make_broker()
        other = broker.submit(self.request(side=Side.BUY, shares=shares(9)))
        self.venue.faults.add(location(Where.OTHER_ORDER))

        with pytest.raises(OutcomeUnknown, match=f"order {other.broker_order_id}, which is not ours"):
            broker.submit(self.request())

        [found] = self.ours(broker, self.request())
        assert found.broker_order_id != other.broker_order_id

    @pytest.mark.parametrize(
        "fault", [refuse(503, "report"), html("report"), cut_within("report"), rate_limited("9", "report")]
    )
    def test_an_order_that_can_not_be_read_back_is_there_under_the_number_that_is_told(self, fault: Fault):
        broker, request = self.make_broker(), self.request()
        self.venue.faults.add(fault)

        with pytest.raises(OutcomeUnknown) as raised:
            broker.submit(request)

        assert raised.value.named is not None
        report = broker.report(raised.value.named)
        assert same_order(request, report) is None
        assert self.ours(broker, request) == [report]

    def test_an_order_that_is_not_shown_yet_is_there_under_its_number(self):
        broker, request = self.make_broker(), self.request()
        self.venue.faults.add(hide(reads=1, hidden_from=("report",)))

        with pytest.raises(OutcomeUnknown, match="NoSuchOrder") as raised:
            broker.submit(request)

        assert raised.value.named is not None
        assert same_order(request, broker.report(raised.value.named)) is None

    def test_an_order_that_was_rejected_after_it_was_taken_is_listed_as_such(self):
        broker = self.make_broker()

        report = broker.submit(self.request(symbol=symbol("TSLA")))  # None are held.

        assert report.status is OrderStatus.REJECTED
        assert "oversold" in (report.reason or "")
        assert broker.orders(since=AT - timedelta(minutes=1), until=AT) == [report]

    def test_a_symbol_that_is_not_listed_is_refused_at_once(self):
        with pytest.raises(OrderRejected, match="Invalid symbol: ZZZZ"):
            self.make_broker().submit(self.request(symbol=symbol("ZZZZ"), side=Side.BUY))

    def test_a_price_of_several_executions_is_their_average(self):
        self.venue.exchange.set_rule(None)
        broker = self.make_broker()
        report = broker.submit(self.request(shares=shares(3)))
        order = self.venue.order_named(report.broker_order_id)
        self.venue.exchange.fill(order, legs=[(Decimal(2), Decimal("410.25")), (Decimal(1), Decimal("410.31"))])

        assert broker.report(report.broker_order_id).average_price_usd == Decimal("410.27")

    def test_an_order_that_was_replaced_is_followed(self):
        broker = self.make_broker()
        order = broker.submit(self.request(limit_price_usd=usd(200)))
        replaced = self.venue.order_named(order.broker_order_id)
        self.wait_until_half_filled()
        newer = self.venue.exchange.replace(replaced, replaced.ask)

        report = broker.report(order.broker_order_id)

        assert report.broker_order_id == order.broker_order_id
        assert self.venue.name_of(newer) in report.notes[0]
        assert [each.broker_order_id for each in broker.open_orders()] == [self.venue.name_of(newer)]
        assert len(broker.orders(since=AT, until=self.now())) == 1

    # Tokens.

    def test_a_login_by_hand_leads_to_tokens_that_open(self):
        http = self.http()
        oauth = self.oauth(http)
        with httpx2.Client(trust_env=False) as browser:
            landed_at = browser.get(oauth.authorize_url("state-1")).headers["location"]

        self.granted = oauth.exchange(oauth.code_of(landed_at, "state-1"))

        assert self.make_broker().account().number == ACCOUNT_NUMBER
        with pytest.raises(LoginNeeded, match="invalid_grant"):
            oauth.exchange(oauth.code_of(landed_at, "state-1"))

    def test_a_token_that_ended_is_renewed_in_the_middle_of_an_order(self):
        broker, request = self.make_broker(), self.request()
        broker.account()
        self.venue.exchange.clock.advance(1800)

        report = broker.submit(self.request(created_at=self.now()))

        assert same_order(request, report) is None
        assert self.orders_at_the_venue() == 1
        assert [call.status for call in self.venue.asked("submit")] == [401, 201]

    def test_a_login_that_ended_lets_nothing_be_sent(self):
        broker = self.make_broker()
        self.venue.exchange.clock.advance(7 * 86400)

        with pytest.raises(LoginNeeded):
            broker.submit(self.request(created_at=self.now()))
        assert self.orders_at_the_venue() == 0

    def test_a_process_with_a_wrong_app_secret_ends_no_login_of_the_others(self):
        self.make_broker()
        before = self.granted.refresh_token
        wrong = SchwabOAuth(
            app_key=Secret(SCHWAB_APP_KEY),
            app_secret=Secret("not-the-secret"),
            redirect_uri=REDIRECT_URI,
            http=self.http(),
        )
        with pytest.raises(NotAuthorised, match="the login is left as it is") as caught:
            wrong.refresh(before)

        assert not isinstance(caught.value, LoginNeeded)
        assert self.oauth(self.http()).refresh(before).access_token

    def ours(self, broker: SchwabBroker, request: OrderRequest) -> list[object]:
        """The listed orders that may be the one that was asked for."""
        listed = broker.orders(since=request.created_at - timedelta(minutes=1), until=self.now() + timedelta(minutes=1))
        return [report for report in listed if same_order(request, report) is None]


def _grant(answer: dict[str, object]) -> Grant:
    return Grant(
        access_token=Secret(str(answer["access_token"])),
        refresh_token=Secret(str(answer["refresh_token"])),
        expires_in=timedelta(seconds=1800),
    )
