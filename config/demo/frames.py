"""Frames: the calls of a transaction in the form of a node's callTracer, from what py-evm computed."""

from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import Revert

from config.demo.blocks import JsonObject, as_hex


def frame(computation: ComputationAPI, *, gas: int, gas_used: int) -> JsonObject:
    """The transaction's own call, with every call within it. Its gas has what a transaction costs by itself."""
    kind = "CREATE" if computation.msg.is_create else "CALL"
    return _frame(computation, kind, as_hex(computation.msg.sender), hex(gas), hex(gas_used))


def _frame(computation: Any, kind: str, caller: str, gas: str, gas_used: str) -> JsonObject:
    message = computation.msg
    made: JsonObject = {
        "type": kind,
        "from": caller,
        "to": as_hex(message.code_address if kind == "DELEGATECALL" else message.storage_address),
        "gas": gas,
        "gasUsed": gas_used,
        "input": as_hex(message.code if message.is_create else bytes(message.data)),
    }
    if kind != "STATICCALL":
        made["value"] = hex(message.value)
    if computation.output:
        made["output"] = as_hex(computation.output)
    if computation.is_error:
        made["error"] = "execution reverted" if isinstance(computation.error, Revert) else str(computation.error)
    if computation.children:
        made["calls"] = [_child(child, message) for child in computation.children]
    return made


def _child(child: Any, parent: Any) -> JsonObject:
    gas, used = hex(child.msg.gas), hex(child.get_gas_used())
    return _frame(child, _kind(child.msg, parent), as_hex(parent.storage_address), gas, used)


def _kind(message: Any, parent: Any) -> str:
    if message.is_create:
        return "CREATE"
    if message.should_transfer_value:
        return "CALL"
    # Delegated, code runs for whoever called the delegating contract.
    return "STATICCALL" if message.is_static and message.sender == parent.storage_address else "DELEGATECALL"
