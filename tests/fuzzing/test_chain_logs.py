"""Logs of a chain, whatever is in them: an event and its fill, or an error that tells what to do with the log."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import changed
from tests.support.chains import V4, V6, logs_of
from tests.support.replay_node import recorded
from trading.chain import rain_float
from trading.chain.decoder import AfterClear, decode
from trading.chain.fills import TokenFacts, fill_of, leg_of_clear, leg_of_take
from trading.chain.logs import Log, MalformedLog, UnusableLog
from trading.chain.pyth import NoPythPrice, pyth_price
from trading.chain.tokens import UnreadableToken, parse_decimals, parse_symbol
from trading.chain.topics import AFTER_CLEARS, EVENT_NAMES, TAKES

LOGS = [log for path in (V4, V6) for log in logs_of(path)[:40]]
EVENTS = sorted(
    {
        (log["topics"][0].lower(), bytes.fromhex(log["data"][2:]))
        for path in (V4, V6)
        for log in logs_of(path)
        if log["topics"] and log["topics"][0].lower() in EVENT_NAMES
    }
)[:60]
TRACES = [trace for path in (V4, V6) for trace in recorded(path)["traces"].values()][:6]
PYTH = "0x8250f4af4b972684f7b336503e2d6dfedeb1487a"
FEED = "0x" + "49f6b65cb1de6b10eaf75e7c03ca029c306d0357e91b5311b175084a5ad55688"
USDC = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"

NUMBERS = st.sampled_from(
    (0, 1, 2, 0x1F, 0x20, 0x40, 0x60, 0xA0, 2**63, 2**64 - 1, 2**127, 2**128, 2**160, 2**224, 2**255, 2**256 - 1)
)
words = (NUMBERS | st.integers(0, 2**256 - 1)).map(lambda number: number.to_bytes(32))


@st.composite
def data_of_events(draw):
    """An event's topic with the data of one, whose words are changed, cut or doubled."""
    topic, data = draw(st.sampled_from(EVENTS))
    if draw(st.integers(0, 9)) == 0:
        topic = draw(st.sampled_from(sorted(EVENT_NAMES)) | st.text(max_size=70))
    parts = [data[at : at + 32] for at in range(0, len(data), 32)]
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(parts)))
        parts[at : at + draw(st.integers(0, 2))] = draw(st.lists(words | st.sampled_from(parts or [b""]), max_size=2))
    data = b"".join(parts)
    return topic, data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 0 else data


@fuzzed(300)
@given(text=changed(LOGS))
def test_whatever_a_node_calls_a_log_is_one_or_is_malformed(text):
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return  # It doesn't come so far: see the tests of the node.

    ends_well(lambda: Log.from_rpc(answer), MalformedLog)


@fuzzed(400)
@given(told=data_of_events(), after=st.sampled_from(EVENTS), decimals=st.integers(0, 255), name=st.text(max_size=70))
def test_whatever_data_an_event_has_it_is_a_fill_or_an_unusable_log(told, after, decimals, name):
    def read():
        event = decode(*told)
        if isinstance(event, AfterClear):
            clears = [decode(*each) for each in EVENTS if each[0] not in TAKES | AFTER_CLEARS]
            legs = [leg_of_clear(clear, event, clear.alice.owner) for clear in clears]
        elif told[0] in TAKES:
            legs = [leg_of_take(event, event.order.owner)]
        else:
            moved = decode(*after)
            legs = [leg_of_clear(event, moved, owner) for owner in (event.alice.owner, event.bob.owner)
                    if isinstance(moved, AfterClear)]  # fmt: skip
        dollars = [USDC] + [leg.given_token for leg in legs if leg is not None]
        return [fill_of(leg, tokens=tokens, usdc=usdc) for leg in legs if leg is not None for usdc in dollars]

    def tokens(address):
        return TokenFacts(address=address, symbol=name or "tAAPL", decimals=decimals)

    ends_well(read, UnusableLog)


@fuzzed(300)
@given(
    word=words
    | st.binary(max_size=40)
    | st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**223), 2**223 - 1)).map(
        lambda told: told[0].to_bytes(4, signed=True) + told[1].to_bytes(28, signed=True)
    )
)
def test_whatever_bytes_a_rain_float_has_it_is_a_number_or_out_of_range(word):
    found = ends_well(lambda: rain_float.unpack(word), rain_float.FloatOutOfRange)

    if found is not None:
        assert rain_float.unpack(rain_float.pack(found)) == found


@fuzzed(200)
@given(answer=st.lists(words, max_size=5).map(b"".join) | st.binary(max_size=200))
def test_whatever_a_token_answers_it_says_something_or_is_unreadable(answer):
    ends_well(lambda: parse_symbol(answer), UnreadableToken)
    ends_well(lambda: parse_decimals(answer), UnreadableToken)


@fuzzed(150)
@given(text=changed(TRACES))
def test_whatever_a_trace_says_it_has_a_price_or_none(text):
    try:
        trace = json.loads(text)
    except (ValueError, RecursionError):
        return

    ends_well(lambda: pyth_price(trace, contract=PYTH, feeds=[FEED]), NoPythPrice)
