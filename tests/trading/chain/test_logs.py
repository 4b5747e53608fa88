"""Logs: read strictly from a node's answer."""

import pytest

from trading.chain.logs import Log, MalformedLog

ANSWER = {
    "address": "0x881cf4c0764e733d9C387f3858eE87CcA04AFFe0",
    "topics": ["0x" + "AB" * 32],
    "data": "0xDEADbeef",
    "blockNumber": "0x213b0ac",
    "blockHash": "0x" + "Bb" * 32,
    "transactionHash": "0x" + "Cc" * 32,
    "logIndex": "0x0",
    "transactionIndex": "0x1f",
    "blockTimestamp": "0x68b70b1c",
    "removed": False,
}


def test_a_log_is_read_in_lower_case():
    assert Log.from_rpc(ANSWER) == Log(
        address="0x881cf4c0764e733d9c387f3858ee87cca04affe0",
        topics=("0x" + "ab" * 32,),
        data=b"\xde\xad\xbe\xef",
        block_number=34844844,
        block_hash="0x" + "bb" * 32,
        tx_hash="0x" + "cc" * 32,
        log_index=0,
        tx_index=31,
        block_timestamp=1756826396,
        removed=False,
    )


def test_what_nodes_leave_out_is_none():
    answer = {field: value for field, value in ANSWER.items() if field not in ("blockTimestamp", "removed")}
    log = Log.from_rpc({**answer, "transactionIndex": None})
    assert (log.block_timestamp, log.tx_index, log.removed) == (None, None, False)


def test_what_else_a_node_says_is_let_be():
    assert Log.from_rpc({**ANSWER, "l1BatchNumber": "0x1"}) == Log.from_rpc(ANSWER)


def test_an_anonymous_event_has_no_topic():
    assert Log.from_rpc({**ANSWER, "topics": [], "data": "0x"}).topic0 == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("address", bad)
            for bad in (None, "", "0x12", "881c" + "0" * 36, "0x" + "g" * 40, 7, "0x" + "a" * 40 + "\n")
        ],
        *[(field, bad) for field in ("blockHash", "transactionHash") for bad in (None, "0x" + "c" * 63, "c" * 66, 7)],
        *[("topics", bad) for bad in (None, "0x", ["0x12"], [None], ["0x" + "ab" * 32] * 5, {})],
        *[("data", bad) for bad in (None, "", "dead", "0xabc", "0xzz", "0xde ad", "0x de", 7, ["0x"])],
        # Quantities: no leading zeros, no sign, no decimal numbers, and nothing that a column can't hold.
        *[
            (field, bad)
            for field in ("blockNumber", "logIndex", "transactionIndex", "blockTimestamp")
            for bad in ("", "0x", "0x00", "0x01", "12", 12, "-0x1", "0x-1", "0x1_0", " 0x1", "0x8000000000000000")
        ],
        # A pending log has neither number nor index.
        *[("blockNumber", None), ("logIndex", None)],
        *[("removed", bad) for bad in (None, "false", 0)],
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_named(field, value):
    with pytest.raises(MalformedLog, match=rf"^expected {field} of a log as .*, was "):
        Log.from_rpc({**ANSWER, field: value})


@pytest.mark.parametrize(
    "field", ["address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "logIndex"]
)
def test_a_missing_field_is_named(field):
    with pytest.raises(MalformedLog, match=rf"expected {field} of a log as .*, was None"):
        Log.from_rpc({name: value for name, value in ANSWER.items() if name != field})


@pytest.mark.parametrize("answer", [None, [], "0x", 7])
def test_what_is_no_object_is_no_log(answer):
    with pytest.raises(MalformedLog, match="expected a log as an object"):
        Log.from_rpc(answer)


def test_a_time_after_all_times_is_malformed():
    with pytest.raises(MalformedLog, match="blockTimestamp"):
        Log.from_rpc(ANSWER | {"blockTimestamp": "0x7fffffffffffffff"})


def test_a_message_stays_short():
    with pytest.raises(MalformedLog) as raised:
        Log.from_rpc({**ANSWER, "data": "0x" + "z" * 100_000})
    assert len(str(raised.value)) < 400
