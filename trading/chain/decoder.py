"""The decoder: from the data of a log to a clear, a take, or the amounts after a clear.

There are two roads to one answer. The fast one reads the bytes that an encoder writes, and declines whatever an encoder
would not have written; eth_abi then has the word. Neither leaves anything unchecked that eth_abi checks.
"""

import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import cache, lru_cache
from typing import Any, NamedTuple

from eth_abi.decoding import ContextFramesBytesIO
from eth_abi.exceptions import DecodingError
from eth_abi.registry import registry

from trading.chain.logs import UnusableLog
from trading.chain.topics import (
    AFTER_CLEAR,
    AFTER_CLEAR_V2,
    CLEAR_V2,
    CLEAR_V3,
    EVENT_NAMES,
    EVENT_TYPES,
    TAKE_ORDER_V2,
    TAKE_ORDER_V2_BYTES32,
    TAKE_ORDER_V3,
)

__all__ = [
    "IO",
    "AfterClear",
    "Amount",
    "Clear",
    "Event",
    "Generation",
    "NotCanonical",
    "Order",
    "Take",
    "Undecodable",
    "decode",
    "decode_by_eth_abi",
    "decode_canonical",
]


class Undecodable(UnusableLog):
    """The bytes are not that event."""


class NotCanonical(ValueError):
    """The bytes are not as an encoder writes them. They may be the event all the same: ask eth_abi."""


class Generation(IntEnum):
    """The family of an event: V4 counts in whole units of a token, V5 (and the V6 contract) in Rain floats."""

    V4 = 4
    V5 = 5


Amount = int | bytes
"""An amount as emitted: a V4 integer, or the 32 bytes of a V5 Rain float."""


class IO(NamedTuple):
    """A token that an order takes in or gives out, and the vault for it. Only V4 says the token's decimals."""

    token: str
    decimals: int | None
    vault_id: int


class Order(NamedTuple):
    """Who owns an order, and what it may take in and give out."""

    owner: str
    inputs: Sequence[IO]
    outputs: Sequence[IO]


class Clear(NamedTuple):
    """Two orders were matched; what moved stands in the AfterClear that follows."""

    generation: Generation
    alice: Order
    bob: Order
    alice_input_io_index: int
    alice_output_io_index: int
    bob_input_io_index: int
    bob_output_io_index: int


class AfterClear(NamedTuple):
    """What moved in a clear."""

    generation: Generation
    alice_output: Amount
    bob_output: Amount
    alice_input: Amount
    bob_input: Amount


class Take(NamedTuple):
    """An order was taken. `input` is what the taker took in, which the order gave out; `output` the other way round."""

    generation: Generation
    order: Order
    input_io_index: int
    output_io_index: int
    input: Amount
    output: Amount


Event = Clear | Take | AfterClear


def decode(topic0: str, data: bytes) -> Event:
    """Decode the data of an event that we follow. Raises Undecodable, and nothing else."""
    try:
        return decode_canonical(topic0, data)
    except NotCanonical:
        return decode_by_eth_abi(topic0, data)


def decode_canonical(topic0: str, data: bytes) -> Event:
    """Decode data that are exactly as an encoder writes them. Raises NotCanonical, or Undecodable for another event."""
    road = _CANONICAL.get(topic0)
    if road is None:
        raise _not_followed(topic0)
    try:
        return road(data)
    except struct.error:
        raise NotCanonical from None


def decode_by_eth_abi(topic0: str, data: bytes) -> Event:
    """Decode with eth_abi, strictly. Raises Undecodable."""
    reading = _FROM_ABI.get(topic0)
    if reading is None:
        raise _not_followed(topic0)
    stream = _BoundedStream(data)
    try:
        parameters = _abi_decoder(topic0)(stream)
    # eth_abi lets an OverflowError out where bytes claim a length beyond the machine's integers.
    except (DecodingError, OverflowError) as error:
        raise Undecodable(
            f"expected the data of {EVENT_NAMES[topic0]}, "
            f"found at byte {stream.tell()} of {len(data)}: {str(error)[:300]}"
        ) from error
    return reading(parameters)


def _not_followed(topic0: str) -> Undecodable:
    return Undecodable(f"expected the topic of one of {', '.join(EVENT_NAMES.values())}, found {topic0[:80]!r}")


# The fast road. Heads are read in one step each; a word that can only have one value is compared with it. Offsets must
# be where an encoder puts them: one after the other, without a gap, up to the last byte.

_ZERO_12, _ZERO_24, _ZERO_31, _ZERO_32 = bytes(12), bytes(24), bytes(31), bytes(32)
_AT_60, _AT_80, _AT_A0, _AT_120 = (at.to_bytes(32) for at in (0x60, 0x80, 0xA0, 0x120))

_COUNT = struct.Struct("> 24s Q")
_WORD = struct.Struct("> 32s")
# owner; offset of the evaluable, inputs and outputs; nonce; interpreter, store, offset and length of the bytecode
_ORDER = struct.Struct("> 12s 20s  32s 24sQ 24sQ  32x  12s 20x  12s 20x  32s 24sQ")
_IO_V4 = struct.Struct("> 12s 20s  31s B  32s")
_IO_V5 = struct.Struct("> 12s 20s  32s")
# signer, offset of the context, offset of the signature, length of the context
_SIGNED_CONTEXT = struct.Struct("> 12s 20x  32s 24sQ 24sQ")
# sender; offset of alice, of bob; four indices and two bounty vaults
_CLEAR = struct.Struct("> 12s 20x  32s 24sQ  32s 32s 32s 32s 64x")
# sender, offset of the config, input, output; then the config: offset of the order, two indices, offset of the contexts
_TAKE = struct.Struct("> 12s 20x  32s 32s 32s  32s 32s 32s 24sQ")
_AFTER_CLEAR = struct.Struct("> 12s 20x  32s 32s 32s 32s")

ORDERS_REMEMBERED = 256

_TAKE_CONFIG, _TAKE_ORDER = 0x80, 0x100
_CLEAR_ALICE = 0x120

_word = int.from_bytes
_IoReader = Callable[[bytes, int], tuple[tuple[IO, ...], int]]


def _clear(generation: Generation, ios: _IoReader) -> Callable[[bytes], Clear]:
    def canonical_clear(data: bytes) -> Clear:
        padding, alice_at, zero, bob_at, alice_in, alice_out, bob_in, bob_out = _CLEAR.unpack_from(data)
        if padding != _ZERO_12 or alice_at != _AT_120 or zero != _ZERO_24:
            raise NotCanonical
        alice, bob = _order(data[_CLEAR_ALICE:bob_at], ios), _order(data[bob_at:], ios)
        return Clear(generation, alice, bob, _word(alice_in), _word(alice_out), _word(bob_in), _word(bob_out))

    return canonical_clear


def _take(generation: Generation, ios: _IoReader, amount: Callable[[bytes], Amount]) -> Callable[[bytes], Take]:
    def canonical_take(data: bytes) -> Take:
        padding, config_at, taken, paid, order_at, input_io, output_io, zero, contexts_at = _TAKE.unpack_from(data)
        if padding != _ZERO_12 or config_at != _AT_80 or order_at != _AT_80 or zero != _ZERO_24:
            raise NotCanonical
        order_end = _TAKE_CONFIG + contexts_at
        if order_end > len(data) or _signed_contexts(data, order_end) != len(data):
            raise NotCanonical
        order = _order(data[_TAKE_ORDER:order_end], ios)
        return Take(generation, order, _word(input_io), _word(output_io), amount(taken), amount(paid))

    return canonical_take


def _after_clear(generation: Generation, amount: Callable[[bytes], Amount]) -> Callable[[bytes], AfterClear]:
    def canonical_after_clear(data: bytes) -> AfterClear:
        if len(data) != _AFTER_CLEAR.size:
            raise NotCanonical
        padding, alice_output, bob_output, alice_input, bob_input = _AFTER_CLEAR.unpack(data)
        if padding != _ZERO_12:
            raise NotCanonical
        return AfterClear(generation, amount(alice_output), amount(bob_output), amount(alice_input), amount(bob_input))

    return canonical_after_clear


@lru_cache(maxsize=ORDERS_REMEMBERED)
def _order(data: bytes, ios: _IoReader) -> Order:
    """Read the order that these bytes are, to the last one. An order is matched again and again: it is remembered."""
    (
        owner_padding, owner,
        evaluable_at, zero_inputs, inputs_at, zero_outputs, outputs_at,
        interpreter_padding, store_padding,
        bytecode_at, zero_length, bytecode_length,
    ) = _ORDER.unpack_from(data)  # fmt: skip
    if (
        not owner_padding == interpreter_padding == store_padding == _ZERO_12
        or not zero_inputs == zero_outputs == zero_length == _ZERO_24
        or evaluable_at != _AT_A0
        or bytecode_at != _AT_60
    ):
        raise NotCanonical
    bytecode_end = _end_of_bytes(data, _ORDER.size, bytecode_length)
    if inputs_at != bytecode_end:
        raise NotCanonical
    inputs, inputs_end = ios(data, bytecode_end)
    if outputs_at != inputs_end:
        raise NotCanonical
    outputs, end = ios(data, inputs_end)
    if end != len(data):
        raise NotCanonical
    return Order("0x" + owner.hex(), inputs, outputs)


def _end_of_bytes(data: bytes, start: int, length: int) -> int:
    """Tell where bytes of this length end with their padding, which must be zero and inside the data."""
    end = start + (length + 31 & -32)
    if end > len(data) or data[start + length : end].strip(b"\0"):
        raise NotCanonical
    return end


def _entries(data: bytes, start: int, entry: struct.Struct) -> tuple[memoryview, int]:
    """Find the entries of the array that starts here, and where they end."""
    zero, count = _COUNT.unpack_from(data, start)
    first = start + _COUNT.size
    end = first + count * entry.size
    if zero != _ZERO_24 or end > len(data):
        raise NotCanonical
    return memoryview(data)[first:end], end


def _ios_v4(data: bytes, start: int) -> tuple[tuple[IO, ...], int]:
    ios = []
    entries, end = _entries(data, start, _IO_V4)
    for padding, token, zero, decimals, vault_id in _IO_V4.iter_unpack(entries):
        if padding != _ZERO_12 or zero != _ZERO_31:
            raise NotCanonical
        ios.append(IO("0x" + token.hex(), decimals, _word(vault_id)))
    return tuple(ios), end


def _ios_v5(data: bytes, start: int) -> tuple[tuple[IO, ...], int]:
    ios = []
    entries, end = _entries(data, start, _IO_V5)
    for padding, token, vault_id in _IO_V5.iter_unpack(entries):
        if padding != _ZERO_12:
            raise NotCanonical
        ios.append(IO("0x" + token.hex(), None, _word(vault_id)))
    return tuple(ios), end


def _signed_contexts(data: bytes, start: int) -> int:
    """Check the signed contexts that start here, of which we read nothing; tell where they end."""
    zero, count = _COUNT.unpack_from(data, start)
    heads = start + _COUNT.size
    heads_end: int = heads + 32 * count
    if zero != _ZERO_24 or heads_end > len(data):
        raise NotCanonical
    end = heads_end
    for head in range(heads, heads_end, 32):
        zero, context_at = _COUNT.unpack_from(data, head)
        if zero != _ZERO_24 or heads + context_at != end:
            raise NotCanonical
        end = _signed_context(data, end)
    return end


def _signed_context(data: bytes, start: int) -> int:
    padding, context_at, zero, signature_at, zero_words, words = _SIGNED_CONTEXT.unpack_from(data, start)
    if padding != _ZERO_12 or context_at != _AT_60 or not zero == zero_words == _ZERO_24:
        raise NotCanonical
    signature = start + _SIGNED_CONTEXT.size + 32 * words
    if start + signature_at != signature or signature > len(data):
        raise NotCanonical
    zero, length = _COUNT.unpack_from(data, signature)
    if zero != _ZERO_24:
        raise NotCanonical
    return _end_of_bytes(data, signature + _COUNT.size, length)


def _same(word: bytes) -> bytes:
    return word


_CANONICAL: dict[str, Callable[[bytes], Event]] = {
    CLEAR_V2: _clear(Generation.V4, _ios_v4),
    AFTER_CLEAR: _after_clear(Generation.V4, _word),
    TAKE_ORDER_V2: _take(Generation.V4, _ios_v4, _word),
    TAKE_ORDER_V2_BYTES32: _take(Generation.V4, _ios_v4, _word),
    CLEAR_V3: _clear(Generation.V5, _ios_v5),
    AFTER_CLEAR_V2: _after_clear(Generation.V5, _same),
    TAKE_ORDER_V3: _take(Generation.V5, _ios_v5, _same),
}


# The sure road.


class _TooMuchReading(DecodingError):
    """The same bytes are pointed at again and again, as no encoder does; reading on could take hours."""


class _BoundedStream(ContextFramesBytesIO):
    """The data, which may be read through a few times and no more: eth_abi reads a word of an encoder four times."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]
        self._left = 16 * len(data) + 4096

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._left -= len(found)
        if self._left < 0:
            raise _TooMuchReading("parts of it stand for many places at once")
        return found


@cache
def _abi_decoder(topic0: str) -> Callable[[ContextFramesBytesIO], tuple[Any, ...]]:
    decoder: Callable[[ContextFramesBytesIO], tuple[Any, ...]] = registry.get_tuple_decoder(
        *EVENT_TYPES[topic0], strict=True
    )
    return decoder


def _clear_from_abi(generation: Generation) -> Callable[[tuple[Any, ...]], Clear]:
    def read(parameters: tuple[Any, ...]) -> Clear:
        _sender, alice, bob, config = parameters
        return Clear(generation, _order_from_abi(alice), _order_from_abi(bob), *config[:4])

    return read


def _take_from_abi(generation: Generation) -> Callable[[tuple[Any, ...]], Take]:
    def read(parameters: tuple[Any, ...]) -> Take:
        _sender, (order, input_io, output_io, _contexts), taken, paid = parameters
        return Take(generation, _order_from_abi(order), input_io, output_io, taken, paid)

    return read


def _after_clear_from_abi(generation: Generation) -> Callable[[tuple[Any, ...]], AfterClear]:
    def read(parameters: tuple[Any, ...]) -> AfterClear:
        _sender, amounts = parameters
        return AfterClear(generation, *amounts)

    return read


def _order_from_abi(order: tuple[Any, ...]) -> Order:
    owner, _evaluable, inputs, outputs, _nonce = order
    return Order(owner, tuple(map(_io_from_abi, inputs)), tuple(map(_io_from_abi, outputs)))


def _io_from_abi(io: tuple[Any, ...]) -> IO:
    if len(io) == 2:  # V5: a token and a vault's 32 bytes
        token, vault = io
        return IO(token, None, int.from_bytes(vault))
    return IO(*io)


_FROM_ABI: dict[str, Callable[[tuple[Any, ...]], Event]] = {
    CLEAR_V2: _clear_from_abi(Generation.V4),
    AFTER_CLEAR: _after_clear_from_abi(Generation.V4),
    TAKE_ORDER_V2: _take_from_abi(Generation.V4),
    TAKE_ORDER_V2_BYTES32: _take_from_abi(Generation.V4),
    CLEAR_V3: _clear_from_abi(Generation.V5),
    AFTER_CLEAR_V2: _after_clear_from_abi(Generation.V5),
    TAKE_ORDER_V3: _take_from_abi(Generation.V5),
}
