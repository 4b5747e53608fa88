"""The methods of the embedded chain that a reader of a chain needs, and how their arguments are read."""

from collections.abc import Callable
from typing import Any

from config.demo.blocks import JsonObject
from config.demo.evm import Evm

INVALID_PARAMS = -32602
SERVER_ERROR = -32000


class RpcError(Exception):
    """The node's answer is an error: a code and a message, and data where a contract gave some."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def as_json(self) -> JsonObject:
        error: JsonObject = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


# The methods, in the order in which a reader of a chain comes to need them.


def _chain_id(chain: Evm) -> str:
    return hex(chain.chain_id)


def _network(chain: Evm) -> str:
    return str(chain.chain_id)


def _client_version(chain: Evm) -> str:
    return "HedgetrailDemo/1/py-evm"


def _syncing(chain: Evm) -> bool:
    return False


def _block_number(chain: Evm) -> str:
    return hex(chain.head.number)


def _block_by_number(chain: Evm, block: object, full: bool = False) -> JsonObject | None:
    return chain.block(_number(chain, block), full=full)


def _block_by_hash(chain: Evm, block_hash: object, full: bool = False) -> JsonObject | None:
    number = chain.number_of_hash(_hash(block_hash))
    return None if number is None else chain.block(number, full=full)


def _logs(chain: Evm, wanted: object) -> list[JsonObject]:
    if not isinstance(wanted, dict):
        raise RpcError(INVALID_PARAMS, "invalid argument 0: a filter is an object")
    if (block_hash := wanted.get("blockHash")) is not None:
        if "fromBlock" in wanted or "toBlock" in wanted:
            raise RpcError(
                INVALID_PARAMS, "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
            )
        number = chain.number_of_hash(_hash(block_hash))
        if number is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        first = last = number
    else:
        first = _number(chain, wanted.get("fromBlock") or "latest")
        last = _number(chain, wanted.get("toBlock") or "latest")
        if first > last:
            raise RpcError(INVALID_PARAMS, "invalid block range params")
    addresses = wanted.get("address") or []
    addresses = {_address(one) for one in (addresses if isinstance(addresses, list) else [addresses])}
    # At each place one topic, any of several, or any at all.
    places = [
        None if not place else {_hash(topic) for topic in (place if isinstance(place, list) else [place])}
        for place in wanted.get("topics") or []
    ]
    return [
        log
        for log in chain.logs(first, last)
        if (not addresses or log["address"] in addresses)
        and len(log["topics"]) >= len(places)
        and all(
            place is None or topic in place for place, topic in zip(places, log["topics"][: len(places)], strict=True)
        )
    ]


def _receipt(chain: Evm, tx_hash: object) -> JsonObject | None:
    return chain.receipt(_hash(tx_hash))


def _transaction(chain: Evm, tx_hash: object) -> JsonObject | None:
    return chain.transaction(_hash(tx_hash))


def _trace(chain: Evm, tx_hash: object, options: object = None) -> JsonObject:
    tracer = options.get("tracer") if isinstance(options, dict) else None
    if tracer != "callTracer":
        raise RpcError(SERVER_ERROR, f"tracer not found: expected callTracer, was {tracer!r}")
    found = chain.trace(_hash(tx_hash))
    if found is None:
        raise RpcError(SERVER_ERROR, "transaction not found")
    return found


def _call(chain: Evm, call: object, block: object = "latest") -> str:
    if not isinstance(call, dict):
        raise RpcError(INVALID_PARAMS, "invalid argument 0: a call is an object")
    done = chain.call(
        sender=_bytes(_address(call.get("from") or f"0x{'0' * 40}")),
        to=_bytes(_address(call.get("to"))),
        data=_bytes(call.get("input") or call.get("data") or "0x"),
        number=_state_number(chain, block),
    )
    return f"0x{done.hex()}"


def _code(chain: Evm, address: object, block: object = "latest") -> str:
    return f"0x{chain.code(_bytes(_address(address)), _state_number(chain, block)).hex()}"


def _balance(chain: Evm, address: object, block: object = "latest") -> str:
    return hex(chain.balance(_bytes(_address(address)), _state_number(chain, block)))


def _transaction_count(chain: Evm, address: object, block: object = "latest") -> str:
    return hex(chain.nonce(_bytes(_address(address)), _state_number(chain, block)))


def _send_raw_transaction(chain: Evm, raw: object) -> str:
    return chain.send(_bytes(raw))


METHODS: dict[str, Callable[..., Any]] = {
    "eth_chainId": _chain_id,
    "net_version": _network,
    "web3_clientVersion": _client_version,
    "eth_syncing": _syncing,
    "eth_blockNumber": _block_number,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getLogs": _logs,
    "eth_getTransactionReceipt": _receipt,
    "eth_getTransactionByHash": _transaction,
    "debug_traceTransaction": _trace,
    "eth_call": _call,
    "eth_getCode": _code,
    "eth_getBalance": _balance,
    "eth_getTransactionCount": _transaction_count,
    "eth_sendRawTransaction": _send_raw_transaction,
}


# How arguments are read.


def _number(chain: Evm, block: object) -> int:
    if isinstance(block, str):
        try:
            return int(block, 16) if block.startswith("0x") else chain.number_of(block)
        except (KeyError, ValueError):
            pass
    raise RpcError(INVALID_PARAMS, f"invalid argument: expected a block number as hex or a tag, was {block!r}")


def _state_number(chain: Evm, block: object) -> int:
    if isinstance(block, dict) and "blockHash" in block:
        number = chain.number_of_hash(_hash(block["blockHash"]))
    elif isinstance(block, dict):
        number = _number(chain, block.get("blockNumber"))
    else:
        number = _number(chain, block)
    if number is None or number > chain.head.number:
        raise RpcError(SERVER_ERROR, "header not found")
    return number


def _hash(text: object) -> str:
    return _hex_of(text, 32, "a hash")


def _address(text: object) -> str:
    return _hex_of(text, 20, "an address")


def _hex_of(text: object, size: int, expected: str) -> str:
    if len(_bytes(text)) != size:
        raise RpcError(INVALID_PARAMS, f"invalid argument: expected {expected} of {size} bytes, was {text!r}")
    return str(text).lower()


def _bytes(text: object) -> bytes:
    if isinstance(text, str) and text.startswith("0x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            pass
    raise RpcError(INVALID_PARAMS, f"invalid argument: expected hex digits after 0x, was {str(text)[:100]!r}")
