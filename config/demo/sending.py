"""Sending: signs the market's transactions, and waits until each is mined."""

import time
from collections.abc import Sequence

from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from config.demo.chain import JsonObject, Node
from config.demo.contracts import contract

GAS = 3_000_000
FEE = 5 * 10**9
RECEIPT_SECONDS = 10


class NotMined(RuntimeError):
    """A transaction of the market failed or was not mined. The chain is not what the market says."""


class Sender:
    """Sends transactions to a node, and keeps them, so that they can be sent again."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._chain_id = int(node.request("eth_chainId"), 16)
        self.raw: dict[str, str] = {}
        """Each transaction as it was signed, by its hash."""

    def deploy(self, key: bytes, name: str, arguments: bytes = b"") -> tuple[str, int]:
        """Deploy a contract, and return its address and its block."""
        receipt = self.send(key, contract(name).bytecode + arguments)
        return receipt["contractAddress"].lower(), int(receipt["blockNumber"], 16)

    def send(self, key: bytes, data: bytes, to: str | None = None) -> JsonObject:
        """Send a transaction, and return its receipt. Raises NotMined."""
        account = Account.from_key(key)
        nonce = int(self._node.request("eth_getTransactionCount", account.address.lower(), "latest"), 16)
        transaction = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "maxFeePerGas": FEE,
            "maxPriorityFeePerGas": FEE // 100,
            "gas": GAS,
            "value": 0,
            "data": data,
            **({} if to is None else {"to": bytes.fromhex(to[2:])}),
        }
        raw = f"0x{account.sign_transaction(transaction).raw_transaction.hex().removeprefix('0x')}"
        tx_hash: str = self._node.request("eth_sendRawTransaction", raw)
        self.raw[tx_hash] = raw
        receipt = self.receipt(tx_hash)
        if receipt["status"] != "0x1":
            raise NotMined(f"transaction {tx_hash} failed")
        return receipt

    def receipt(self, tx_hash: str) -> JsonObject:
        """Wait for the receipt of a transaction. Raises NotMined."""
        until = time.monotonic() + RECEIPT_SECONDS
        while time.monotonic() < until:
            receipt: JsonObject | None = self._node.request("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(0.005)
        raise NotMined(f"transaction {tx_hash} has no receipt after {RECEIPT_SECONDS} seconds")


def called(name: str, types: Sequence[str], values: Sequence[object]) -> bytes:
    """The data of a call of a contract's function."""
    return keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, values)
