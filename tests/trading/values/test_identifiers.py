"""Identifiers: a trade is a transaction and a log in it; an order's name is ours and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.values.identifiers import NotAnIdentifier, OrderId, TradeId, address, client_order_id, tx_hash

TX = "0x" + "ab" * 32
ADDRESS = "0x" + "cd" * 20


def test_a_trade_is_written_and_read_as_its_transaction_and_log():
    assert str(TradeId(TX, 7)) == f"{TX}:7"
    assert TradeId.parse(f"{TX}:7") == TradeId(TX, 7)
    assert TradeId.parse(f"{TX}:0").log_index == 0


def test_a_transaction_is_kept_in_lower_case():
    assert TradeId.parse(f"{TX.upper().replace('0X', '0x')}:7") == TradeId(TX, 7)
    assert tx_hash(f" {TX.upper()} ") == TX
    assert address(ADDRESS.upper()) == ADDRESS


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**32))
def test_any_trade_reads_back(hash_, log_index):
    trade = TradeId("0x" + hash_.hex(), log_index)

    assert TradeId.parse(str(trade)) == trade


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        TX,
        f"{TX}:",
        f":{7}",
        f"{TX}:-1",
        f"{TX}:1.0",
        f"{TX}: 7",
        f"{TX}:7:8",
        f"{TX}:٣",
        f"{TX[2:]}:7",  # without 0x
        f"{TX[:-1]}:7",
        f"{TX}0:7",
        f"0x{'zz' * 32}:7",
    ],
)
def test_what_is_no_trade_is_refused(text):
    with pytest.raises(NotAnIdentifier):
        TradeId.parse(text)


@pytest.mark.parametrize("text", ["", "0x", TX[:-2], TX + "00", ADDRESS, "0x" + "g" * 64])
def test_what_is_no_transaction_is_refused(text):
    with pytest.raises(NotAnIdentifier, match="expected a transaction hash"):
        tx_hash(text)


@pytest.mark.parametrize("text", ["", "0x", ADDRESS[:-1], ADDRESS + "0", TX, "0x" + "g" * 40])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(NotAnIdentifier, match="expected an address"):
        address(text)


def test_trades_of_one_transaction_stand_in_the_order_of_their_logs():
    assert sorted([TradeId(TX, 10), TradeId(TX, 9), TradeId(TX, 2)]) == [
        TradeId(TX, 2),
        TradeId(TX, 9),
        TradeId(TX, 10),
    ]


def test_an_order_is_named_after_installation_number_and_attempt():
    assert client_order_id(installation="k3v9x2ab", order=OrderId(17), attempt=1) == "ht-k3v9x2ab-17-1"


def test_no_two_orders_and_no_two_attempts_have_one_name():
    names = {
        client_order_id(installation=installation, order=OrderId(order), attempt=attempt)
        for installation in ("k3v9x2ab", "k3v9x2ac")
        for order in (1, 11, 111)
        for attempt in (1, 2, 11)
    }
    assert len(names) == 18


def test_a_name_is_short_enough_for_a_broker():
    # Alpaca takes 48 characters for certain, and other brokers no fewer.
    assert len(client_order_id(installation="k3v9x2ab", order=OrderId(10**12), attempt=99)) <= 48
