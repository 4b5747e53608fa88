"""The broker as a whole: what it offers, and where it is."""

import pytest

from trading.brokers.outcomes import NotOffered
from trading.brokers.port import Capabilities
from trading.brokers.schwab.service import BASE_URL, is_schwab
from trading.values.identifiers import ClientOrderId


def test_it_takes_whole_shares_without_our_ids(broker):
    assert broker.name == "schwab"
    assert broker.capabilities == Capabilities(
        fractional_digits=None,
        client_order_id=False,
        notional=False,
        shorting=False,
        fractional_shorting=False,
        extended_hours=True,
    )


def test_an_id_of_ours_is_not_asked_for(broker, httpserver):
    with pytest.raises(NotOffered, match="ht-test-1-1 is looked for in the list of orders"):
        broker.find(ClientOrderId("ht-test-1-1"))
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("url", "real"),
    [
        (BASE_URL, True),
        ("https://API.schwabapi.com/", True),
        ("http://api.schwabapi.com:8080/x", True),
        ("http://127.0.0.1:8000", False),
        ("https://api.schwabapi.com.example.org", False),
    ],
)
def test_schwab_itself_is_told_from_a_stand_in(url, real):
    assert is_schwab(url) is real
