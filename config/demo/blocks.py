"""Blocks of the embedded chain in a node's JSON form: quantities without leading zeros, hashes in lower case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth.abc import BlockAPI
from eth.chains.base import MiningChain
from eth_utils.crypto import keccak
from rlp import encode  # type: ignore[import-untyped]

JsonObject = dict[str, Any]


@dataclass
class Block:
    """A mined block as a node tells of it."""

    number: int
    hash: str
    timestamp: int
    header: JsonObject
    transactions: list[JsonObject]
    receipts: list[JsonObject]
    logs: list[JsonObject] = field(default_factory=list)
    traces: list[JsonObject] = field(default_factory=list)
    """The calls of each transaction."""


def block_in_node_form(block: BlockAPI, chain: MiningChain) -> Block:
    header: Any = block.header  # What the later forks added is in no interface of py-evm.
    made = Block(
        number=header.block_number,
        hash=as_hex(header.hash),
        timestamp=header.timestamp,
        header={
            "number": hex(header.block_number),
            "hash": as_hex(header.hash),
            "parentHash": as_hex(header.parent_hash),
            "nonce": as_hex(header.nonce),
            "sha3Uncles": as_hex(header.uncles_hash),
            "logsBloom": as_hex(header.bloom.to_bytes(256)),
            "transactionsRoot": as_hex(header.transaction_root),
            "stateRoot": as_hex(header.state_root),
            "receiptsRoot": as_hex(header.receipt_root),
            "miner": as_hex(header.coinbase),
            "difficulty": hex(header.difficulty),
            "totalDifficulty": hex(header.difficulty),
            "extraData": as_hex(header.extra_data),
            "size": hex(len(encode(block))),
            "gasLimit": hex(header.gas_limit),
            "gasUsed": hex(header.gas_used),
            "timestamp": hex(header.timestamp),
            "uncles": [],
            "baseFeePerGas": hex(header.base_fee_per_gas or 0),
            "mixHash": as_hex(header.mix_hash),
            "withdrawals": [],
            "withdrawalsRoot": as_hex(header.withdrawals_root),
            "blobGasUsed": hex(header.blob_gas_used),
            "excessBlobGas": hex(header.excess_blob_gas),
            "parentBeaconBlockRoot": as_hex(header.parent_beacon_block_root),
            "requestsHash": as_hex(header.requests_hash),
        },
        transactions=[],
        receipts=[],
    )
    gas_before = 0
    receipts = block.get_receipts(chain.chaindb)
    for index, (transaction, receipt) in enumerate(zip(block.transactions, receipts, strict=True)):
        place = {
            "blockHash": made.hash,
            "blockNumber": hex(made.number),
            "transactionIndex": hex(index),
        }
        tx_hash = as_hex(transaction.hash)
        creates = transaction.to == b""
        tip = min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - header.base_fee_per_gas)
        price = hex(header.base_fee_per_gas + tip)
        kind = hex(getattr(transaction, "type_id", 0))
        ends = {"from": as_hex(transaction.sender), "to": None if creates else as_hex(transaction.to)}
        made.transactions.append(
            {
                **place,
                **ends,
                "hash": tx_hash,
                "type": kind,
                "nonce": hex(transaction.nonce),
                "value": hex(transaction.value),
                "gas": hex(transaction.gas),
                "gasPrice": price,
                "input": as_hex(transaction.data),
                **_signature(transaction),
            }
        )
        logs = [
            {
                **place,
                "transactionHash": tx_hash,
                "address": as_hex(log.address),
                "topics": [as_hex(topic.to_bytes(32)) for topic in log.topics],
                "data": as_hex(log.data),
                # Counted through the block, not through the transaction.
                "logIndex": hex(len(made.logs) + offset),
                "blockTimestamp": hex(header.timestamp),
                "removed": False,
            }
            for offset, log in enumerate(receipt.logs)
        ]
        made.logs += logs
        made.receipts.append(
            {
                **place,
                **ends,
                "transactionHash": tx_hash,
                "type": kind,
                "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
                "cumulativeGasUsed": hex(receipt.gas_used),
                "gasUsed": hex(receipt.gas_used - gas_before),
                "effectiveGasPrice": price,
                "contractAddress": as_hex(_created(transaction.sender, transaction.nonce)) if creates else None,
                "logs": logs,
                "logsBloom": as_hex(receipt.bloom.to_bytes(256)),
            }
        )
        gas_before = receipt.gas_used
    return made


def _signature(transaction: Any) -> Mapping[str, Any]:
    common = {"r": hex(transaction.r), "s": hex(transaction.s)}
    if not getattr(transaction, "type_id", 0):
        return {**common, "v": hex(transaction.v)}
    parity = hex(transaction.y_parity)
    return {
        **common,
        "v": parity,
        "yParity": parity,
        "chainId": hex(transaction.chain_id),
        "accessList": [],
        "maxFeePerGas": hex(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": hex(transaction.max_priority_fee_per_gas),
    }


def _created(sender: bytes, nonce: int) -> bytes:
    return keccak(encode([sender, nonce]))[12:]


def as_hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def as_bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
