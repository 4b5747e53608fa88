"""Events as an encoder writes them, and as web3 reads them: what the decoder's tests compare with."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_abi.grammar import parse
from hexbytes import HexBytes
from hypothesis import strategies as st
from web3 import Web3
from web3.datastructures import AttributeDict

from trading.chain.decoder import IO, AfterClear, Clear, Generation, Order, Take
from trading.chain.topics import (
    AFTER_CLEAR,
    AFTER_CLEARS,
    CLEAR_V2,
    CLEARS,
    EVENT_NAMES,
    EVENT_TYPES,
    TAKE_ORDER_V2,
    TAKE_ORDER_V2_BYTES32,
)

OWNER = "0x" + "0a" * 20
STRANGER = "0x" + "5e" * 20
SENDER = "0x" + "aa" * 20

V4_TOPICS = {CLEAR_V2, AFTER_CLEAR, TAKE_ORDER_V2, TAKE_ORDER_V2_BYTES32}


def generation_of(topic0: str) -> Generation:
    return Generation.V4 if topic0 in V4_TOPICS else Generation.V5


def encode(topic0: str, parameters: tuple[Any, ...]) -> bytes:
    return abi_encode(EVENT_TYPES[topic0], parameters)


def order(owner, inputs, outputs, *, bytecode=b"\x01\x02\x03"):
    """An order's parameters. Each input and output is (token, decimals, vault id) or (token, vault bytes)."""
    return (owner, (STRANGER, STRANGER, bytecode), inputs, outputs, bytes(32))


def read_by_eth_abi(topic0: str, data: bytes):
    """What eth_abi reads, in our words. Written apart from the decoder, so that one can't hide the other's error."""
    return in_our_words(topic0, abi_decode(EVENT_TYPES[topic0], data, strict=True))


def read_by_web3(topic0: str, data: bytes):
    """What web3 makes of the log, in our words."""
    arguments = web3_event(topic0).process_log(web3_log(topic0, data))["args"]
    return in_our_words(topic0, _without_names(arguments))


def in_our_words(topic0: str, parameters: tuple[Any, ...]):
    generation = generation_of(topic0)
    if topic0 in AFTER_CLEARS:
        return AfterClear(generation, *map(_amount, parameters[1]))
    if topic0 in CLEARS:
        alice, bob, config = parameters[1:]
        return Clear(generation, _order(alice), _order(bob), *config[:4])
    taken = parameters[1]
    return Take(generation, _order(taken[0]), taken[1], taken[2], _amount(parameters[2]), _amount(parameters[3]))


def _without_names(value):
    """web3 names the parts of a structure; their sequence is the types'."""
    if isinstance(value, Mapping):
        return tuple(map(_without_names, value.values()))
    if isinstance(value, list | tuple):
        return tuple(map(_without_names, value))
    return value


def _amount(amount):
    return amount if isinstance(amount, int) else bytes(amount)


def _order(parameters) -> Order:
    return Order(parameters[0].lower(), tuple(map(_io, parameters[2])), tuple(map(_io, parameters[3])))


def _io(parameters) -> IO:
    token, *decimals, vault = parameters
    number = vault if isinstance(vault, int) else int.from_bytes(vault)
    return IO(token.lower(), decimals[0] if decimals else None, number)


def web3_log(topic0: str, data: bytes) -> AttributeDict:
    return AttributeDict(
        {
            "address": Web3.to_checksum_address(SENDER),
            "topics": [HexBytes(topic0)],
            "data": HexBytes(data),
            "blockNumber": 1,
            "blockHash": HexBytes(bytes(32)),
            "transactionHash": HexBytes(bytes(32)),
            "transactionIndex": 0,
            "logIndex": 0,
            "removed": False,
        }
    )


@cache
def web3_event(topic0: str):
    return Web3().eth.contract(abi=[_abi_of(topic0)]).events[EVENT_NAMES[topic0]]()


def _abi_of(topic0: str) -> dict[str, Any]:
    inputs = [_component(parse(kind), f"p{place}") for place, kind in enumerate(EVENT_TYPES[topic0])]
    return {"type": "event", "anonymous": False, "name": EVENT_NAMES[topic0], "inputs": inputs}


def _component(kind, name: str) -> dict[str, Any]:
    if not hasattr(kind, "components"):
        return {"name": name, "type": kind.to_type_str(), "indexed": False}
    arrays = "".join("[]" for _ in kind.arrlist or ())
    components = [_component(part, f"{name}_{place}") for place, part in enumerate(kind.components)]
    return {"name": name, "type": f"tuple{arrays}", "indexed": False, "components": components}


# Random events.

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
words = st.binary(min_size=32, max_size=32)
numbers = st.one_of(st.integers(0, 5), st.integers(0, 2**256 - 1))
byte_strings = st.one_of(st.binary(max_size=70), st.sampled_from([b"", bytes(31), bytes(32), bytes(33), b"\x01" * 64]))


def parameters_of(topic0: str) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*(_values(parse(kind)) for kind in EVENT_TYPES[topic0]))


def _values(kind) -> st.SearchStrategy[Any]:
    if kind.is_array:
        return st.lists(_values(kind.item_type), max_size=4)
    if hasattr(kind, "components"):
        return st.tuples(*map(_values, kind.components))
    return {
        "address": addresses,
        "uint8": st.integers(0, 255),
        "uint256": numbers,
        "bytes32": words,
        "bytes": byte_strings,
    }[kind.to_type_str()]
