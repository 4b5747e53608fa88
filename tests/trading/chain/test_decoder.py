"""The decoder: two roads to one answer, for any bytes at all."""

import contextlib
import random
import time

import pytest
from eth_abi.exceptions import DecodingError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trading.chain.encoding import (
    OWNER,
    SENDER,
    STRANGER,
    encode,
    order,
    parameters_of,
    read_by_eth_abi,
    read_by_web3,
)
from trading.chain.decoder import (
    IO,
    AfterClear,
    Clear,
    Generation,
    NotCanonical,
    Order,
    Take,
    Undecodable,
    decode,
    decode_by_eth_abi,
    decode_canonical,
)
from trading.chain.logs import UnusableLog
from trading.chain.topics import AFTER_CLEAR, AFTER_CLEAR_V2, CLEAR_V2, CLEAR_V3, FOLLOWED, TAKE_ORDER_V2, TAKE_ORDER_V3

USDC, SHARE = "0x" + "11" * 20, "0x" + "22" * 20

fuzz = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def test_the_amounts_of_a_v4_clear():
    data = bytes.fromhex(
        "000000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "0000000000000000000000000000000000000000000000007ce66c50e2840000"
        "0000000000000000000000000000000000000000000000000000000005f5e100"
        "0000000000000000000000000000000000000000000000000000000005f5e100"
        "0000000000000000000000000000000000000000000000007ce66c50e2840000"
    )
    # Outputs come first.
    expected = AfterClear(
        Generation.V4, alice_output=9 * 10**18, bob_output=10**8, alice_input=10**8, bob_input=9 * 10**18
    )
    assert decode(AFTER_CLEAR, data) == decode_by_eth_abi(AFTER_CLEAR, data) == expected


def test_the_amounts_of_a_v5_clear():
    nine, hundred = (9).to_bytes(32), (100).to_bytes(32)
    data = bytes(12) + b"\xaa" * 20 + nine + hundred + hundred + nine
    expected = AfterClear(Generation.V5, alice_output=nine, bob_output=hundred, alice_input=hundred, bob_input=nine)
    assert decode(AFTER_CLEAR_V2, data) == decode_by_eth_abi(AFTER_CLEAR_V2, data) == expected


def test_a_v4_take():
    taken = order(OWNER, [(USDC, 6, 7), (SHARE, 18, 8)], [(SHARE, 18, 2**255)])
    contexts = [(STRANGER, [1, 2, 3], b"signed"), (STRANGER, [], b"")]
    data = encode(TAKE_ORDER_V2, (SENDER, (taken, 1, 2**200, contexts), 5, 9))
    expected = Take(
        Generation.V4,
        Order(OWNER, (IO(USDC, 6, 7), IO(SHARE, 18, 8)), (IO(SHARE, 18, 2**255),)),
        input_io_index=1,
        output_io_index=2**200,
        input=5,
        output=9,
    )
    assert decode_canonical(TAKE_ORDER_V2, data) == decode_by_eth_abi(TAKE_ORDER_V2, data) == expected


def test_a_v5_clear():
    alice = order(OWNER, [(USDC, (7).to_bytes(32))], [(SHARE, (8).to_bytes(32))])
    bob = order(STRANGER, [(SHARE, bytes(32))], [(USDC, bytes(32))], bytecode=b"")
    data = encode(CLEAR_V3, (SENDER, alice, bob, (0, 1, 2, 3, b"\xff" * 32, b"\xff" * 32)))
    expected = Clear(
        Generation.V5,
        Order(OWNER, (IO(USDC, None, 7),), (IO(SHARE, None, 8),)),
        Order(STRANGER, (IO(SHARE, None, 0),), (IO(USDC, None, 0),)),
        0,
        1,
        2,
        3,
    )
    assert decode_canonical(CLEAR_V3, data) == decode_by_eth_abi(CLEAR_V3, data) == expected


@pytest.mark.parametrize("topic0", FOLLOWED)
@fuzz
@given(st.data())
def test_both_roads_and_web3_read_what_an_encoder_wrote(topic0, data):
    encoded = encode(topic0, data.draw(parameters_of(topic0)))
    event = decode_canonical(topic0, encoded)
    assert event == read_by_eth_abi(topic0, encoded)
    assert event == decode_by_eth_abi(topic0, encoded)
    assert event == read_by_web3(topic0, encoded)
    assert event == decode(topic0, encoded)


@pytest.mark.parametrize("topic0", FOLLOWED)
@fuzz
@given(st.data(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_spoilt_bytes_are_read_as_eth_abi_reads_them_or_refused(topic0, data, chance, times):
    spoilt = encode(topic0, data.draw(parameters_of(topic0)))
    for _ in range(times):
        spoilt = spoil(spoilt, chance)
    agree(topic0, spoilt)


@pytest.mark.parametrize("topic0", FOLLOWED)
@fuzz
@given(st.binary(max_size=2000))
def test_any_bytes_end_in_an_event_or_a_refusal(topic0, data):
    agree(topic0, data)


@pytest.mark.parametrize("topic0", FOLLOWED)
@fuzz
@given(st.lists(st.sampled_from([0, 1, 2, 3, 32, 64, 96, 128, 160, 256, 288, 2**63, 2**255]), max_size=60))
def test_any_words_end_in_an_event_or_a_refusal(topic0, numbers):
    agree(topic0, b"".join(number.to_bytes(32) for number in numbers))


@pytest.mark.parametrize("topic0", [CLEAR_V2, TAKE_ORDER_V2, TAKE_ORDER_V3])
def test_no_single_bit_changes_the_agreement(topic0):
    chance = random.Random(7)
    io = (USDC, 6, 7) if topic0 in (CLEAR_V2, TAKE_ORDER_V2) else (USDC, (7).to_bytes(32))
    ours = order(OWNER, [io], [io])
    parameters = {
        CLEAR_V2: (SENDER, ours, order(STRANGER, [io], []), (0, 1, 2, 3, 4, 5)),
        TAKE_ORDER_V2: (SENDER, (ours, 0, 0, [(SENDER, [1], b"s")]), 1, 2),
        TAKE_ORDER_V3: (SENDER, (ours, 0, 0, [(SENDER, [io[1]], b"s")]), io[1], io[1]),
    }
    encoded = encode(topic0, parameters[topic0])
    for place in range(len(encoded)):
        changed = bytearray(encoded)
        changed[place] ^= 1 << chance.randrange(8)
        agree(topic0, bytes(changed))
    for length in range(len(encoded)):
        agree(topic0, encoded[:length])
        with pytest.raises(NotCanonical):
            decode_canonical(topic0, encoded[:length])


INTERESTING = [
    0,
    1,
    31,
    32,
    33,
    64,
    96,
    128,
    160,
    255,
    256,
    2**16,
    2**63 - 1,
    2**64 - 1,
    2**64,
    2**160,
    2**255,
    2**256 - 1,
]


def spoil(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data)) if data else 0
    word = place // 32 * 32
    number = chance.choice([*INTERESTING, len(data), max(len(data) - 32, 0), word]).to_bytes(32)
    return chance.choice(
        [
            lambda: data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :],
            lambda: data[:word] + number + data[word + 32 :],
            lambda: data[:word] + number + data[word:],
            lambda: data[:word] + data[word + 32 :],
            lambda: data[:place],
            lambda: data + bytes(chance.choice([1, 32, 64])),
            lambda: data + chance.randbytes(chance.choice([1, 32, 64])),
            lambda: data[:word] + data[word + 32 : word + 64] + data[word : word + 32] + data[word + 64 :],
        ]
    )()


def agree(topic0: str, data: bytes) -> None:
    """Hold both roads against eth_abi itself."""
    try:
        expected = read_by_eth_abi(topic0, data)
    except (DecodingError, OverflowError):
        with pytest.raises(NotCanonical):
            decode_canonical(topic0, data)
        with pytest.raises(Undecodable):
            decode(topic0, data)
    else:
        assert decode(topic0, data) == decode_by_eth_abi(topic0, data) == expected
        with contextlib.suppress(NotCanonical):
            assert decode_canonical(topic0, data) == expected


def at(data: bytes, place: int, number: int) -> bytes:
    return data[:place] + number.to_bytes(32) + data[place + 32 :]


@pytest.mark.parametrize("length", [2**255, 2**256 - 1, 2**64, 2**63, 2**62, 2**32, 10**7])
@pytest.mark.parametrize(
    ("what", "place"),
    [("bytecode", 0x200), ("inputs", 0x240), ("outputs", 0x2A0), ("contexts", 0x300), ("context", 0x3A0)],
)
def test_a_length_beyond_the_data_is_refused_at_once(what, place, length):
    io = (USDC, bytes(32))
    word = (77).to_bytes(32)
    contexts = [(SENDER, [word], b"signed")]
    data = encode(TAKE_ORDER_V3, (SENDER, (order(OWNER, [io], [io]), 0, 0, contexts), word, word))
    assert int.from_bytes(data[place : place + 32]) in (1, 3)
    started = time.perf_counter()
    with pytest.raises(Undecodable, match=r"^expected the data of TakeOrderV3, found at byte \d+ of \d+: "):
        decode(TAKE_ORDER_V3, at(data, place, length))
    assert time.perf_counter() - started < 1


def test_bytes_that_stand_for_many_places_are_refused_soon():
    # Thousands of pointers to one long context: read as asked, each of them costs thousands of words.
    count = 4000
    word = bytes(32)
    data = encode(TAKE_ORDER_V3, (SENDER, (order(OWNER, [], []), 0, 0, []), word, word))
    assert data[-32:] == word
    contexts = count.to_bytes(32) + (32 * count).to_bytes(32) * count
    context = (
        word + (0x60).to_bytes(32) + (0x60 + 32 + 32 * count).to_bytes(32) + count.to_bytes(32) + word * count + word
    )
    started = time.perf_counter()
    with pytest.raises(Undecodable, match="parts of it stand for many places at once"):
        decode(TAKE_ORDER_V3, data[:-32] + contexts + context)
    assert time.perf_counter() - started < 10


def test_a_refusal_parks_the_log_and_says_where():
    assert issubclass(Undecodable, UnusableLog)
    with pytest.raises(Undecodable, match=r"^expected the data of AfterClear, found at byte 96 of 96: .*32 bytes"):
        decode(AFTER_CLEAR, bytes(96))
    with pytest.raises(Undecodable, match=r"^expected the data of ClearV2, found at byte 0 of 0: "):
        decode(CLEAR_V2, b"")


@pytest.mark.parametrize("topic0", ["", "0x" + "00" * 32, TAKE_ORDER_V3.upper()])
def test_an_event_that_we_do_not_follow_is_refused(topic0):
    for road in (decode, decode_canonical, decode_by_eth_abi):
        with pytest.raises(Undecodable, match="expected the topic of one of ClearV2"):
            road(topic0, bytes(160))


@pytest.mark.parametrize("place", [0, 0x100, 0x1A0, 0x1C0, 0x260])
def test_an_address_with_dirt_before_it_is_refused(place):
    data = encode(TAKE_ORDER_V2, (SENDER, (order(OWNER, [(USDC, 6, 7)], []), 0, 0, []), 1, 2))
    assert data[place : place + 12] == bytes(12)
    assert any(data[place + 12 : place + 32])
    with pytest.raises(Undecodable):
        decode(TAKE_ORDER_V2, data[:place] + b"\x01" + data[place + 1 :])


def test_decimals_above_a_byte_are_refused():
    data = encode(TAKE_ORDER_V2, (SENDER, (order(OWNER, [(USDC, 255, 7)], []), 0, 0, []), 1, 2))
    place = data.index((255).to_bytes(32))
    assert decode(TAKE_ORDER_V2, data).order.inputs[0].decimals == 255
    with pytest.raises(Undecodable):
        decode(TAKE_ORDER_V2, at(data, place, 256))


def test_parts_in_another_sequence_are_read_by_the_sure_road():
    # Outputs before inputs: sound to every reader, though no encoder writes it.
    io_a, io_b = (USDC, (1).to_bytes(32)), (SHARE, (2).to_bytes(32))
    data = encode(TAKE_ORDER_V3, (SENDER, (order(OWNER, [io_a], [io_b]), 0, 0, []), bytes(32), bytes(32)))
    inputs_at, outputs_at = data[0x140:0x160], data[0x160:0x180]
    swapped = data[:0x140] + outputs_at + inputs_at + data[0x180:]
    with pytest.raises(NotCanonical):
        decode_canonical(TAKE_ORDER_V3, swapped)
    taken = decode(TAKE_ORDER_V3, swapped)
    assert taken.order == Order(OWNER, (IO(SHARE, None, 2),), (IO(USDC, None, 1),))
