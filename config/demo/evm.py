"""The EVM: mines transactions, tells of its blocks and reorganises them.

eth-tester sets py-evm up and mines. Blocks, receipts and logs are kept in a node's JSON form as they are mined, because
eth-tester looks a log up by walking the chain, numbers logs within the transaction, and knows no logs by block hash.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from eth.abc import VirtualMachineAPI
from eth.chains.base import MiningChain
from eth.exceptions import UnrecognizedTransactionType
from eth_keys.datatypes import PrivateKey
from eth_tester.backends.pyevm.main import PyEVMBackend  # type: ignore[import-untyped]
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from config.demo.blocks import Block, JsonObject, as_bytes, as_hex, block_in_node_form
from config.demo.frames import frame

CHAIN_ID = 31337
ACCOUNTS = 4
BLOCK_SECONDS = 2
"""The time between blocks of the chain's history."""

ETHER = 10**18
GAS_LIMIT = 60_000_000


class TransactionRefused(Exception):
    """The transaction is invalid and was not mined. Mend it and send it again."""


class CallReverted(Exception):
    """The contract reverted. Its data are the exception's argument, as hex."""


class BlockIsFinal(ValueError):
    """A final block is never replaced. Ask for a shallower reorganisation."""


class Evm:
    """An EVM of our own. Every transaction is mined at once, in a block of its own unless `together` holds it.

    Its genesis lies in the past. Blocks follow each other at two seconds until they reach the clock, or `catch_up`
    takes them there, and carry the clock's time from then on.
    """

    def __init__(
        self,
        *,
        chain_id: int = CHAIN_ID,
        history_seconds: int = 600,
        safe_blocks: int = 4,
        final_blocks: int = 32,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.chain_id = chain_id
        self.keys = tuple(PrivateKey(keccak(text=f"hedgetrail demo account {number}")) for number in range(ACCOUNTS))
        self.lock = threading.RLock()
        self._safe_blocks, self._final_blocks = safe_blocks, final_blocks
        self._clock = clock
        self._in_history = history_seconds > 0
        self._mines_at_once = True

        genesis = PyEVMBackend.generate_genesis_params(
            {"timestamp": int(clock()) - history_seconds, "gas_limit": GAS_LIMIT}
        )
        account = {"balance": 1_000_000 * ETHER, "nonce": 0, "code": b"", "storage": {}}
        accounts = {key.public_key.to_canonical_address(): account for key in self.keys}
        self._backend = PyEVMBackend(genesis_parameters=genesis, genesis_state=accounts)
        # The class was made for this backend alone; going back to genesis makes another chain of it.
        type(self._chain).chain_id = chain_id
        self._chain.chain_id = chain_id
        self._traces: list[JsonObject] = []  # Of the block to come.
        self._blocks = [block_in_node_form(self._chain.get_canonical_block_by_number(BlockNumber(0)), self._chain)]
        self._numbers = {self.head.hash: 0}
        self._transactions: dict[str, tuple[int, int]] = {}

    # Mining.

    def send(self, raw: bytes) -> str:
        """Take a signed transaction, mine it unless it is held, and return its hash. Raises TransactionRefused."""
        with self.lock:
            if not self._chain.get_block().transactions:
                self._set_time(self._next_timestamp())
            tx_hash = self._apply(raw)
            if self._mines_at_once:
                self._seal()
            return tx_hash

    @contextmanager
    def together(self) -> Iterator[None]:
        """Mine the transactions that are sent within into one block, at the end. Other threads wait."""
        with self.lock:
            self._mines_at_once = False
            try:
                yield
            finally:
                self._mines_at_once = True
                if self._chain.get_block().transactions:
                    self._seal()

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        with self.lock:
            for _ in range(blocks):
                self._set_time(self._next_timestamp())
                self._seal()

    def catch_up(self) -> None:
        """End the history: mine a block with the clock's time, as all later ones have."""
        with self.lock:
            self._in_history = False
            self.mine()

    def reorg(self, depth: int, returning: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the last blocks by others at the same times, and mine one more. Readers see all of it or nothing.

        Raises BlockIsFinal, and TransactionRefused where a returning transaction can't be mined again: its account's
        transactions before it must return, too.
        """
        with self.lock:
            if not 0 < depth <= min(self._final_blocks, self.head.number):
                raise BlockIsFinal(
                    f"expected a depth from 1 to {min(self._final_blocks, self.head.number)}, was {depth}"
                )
            replaced = self._blocks[-depth:]
            self._cut(depth)
            try:
                for index, block in enumerate(replaced):
                    self._set_time(block.timestamp)
                    for raw, place in returning:
                        if place == index:
                            self._apply(as_bytes(raw))
                    self._seal()
            except TransactionRefused:
                self._cut(self.head.number - replaced[0].number + 1)
                self._backend.revert_to_snapshot(as_bytes(replaced[-1].hash))
                for block in replaced:
                    self._keep(block)
                raise
            self.mine()

    # Reading. Numbers, hashes and logs are in a node's JSON form.

    @property
    def head(self) -> Block:
        return self._blocks[-1]

    def number_of(self, tag: str) -> int:
        """Return the number behind a tag. Raises KeyError on another word."""
        return {
            "latest": self.head.number,
            "pending": self.head.number,
            "safe": max(0, self.head.number - self._safe_blocks),
            "finalized": max(0, self.head.number - self._final_blocks),
            "earliest": 0,
        }[tag]

    def number_of_hash(self, block_hash: str) -> int | None:
        return self._numbers.get(block_hash.lower())

    def block(self, number: int, *, full: bool = False) -> JsonObject | None:
        if not 0 <= number <= self.head.number:
            return None
        block = self._blocks[number]
        transactions = block.transactions if full else [transaction["hash"] for transaction in block.transactions]
        return {**block.header, "transactions": transactions}

    def transaction(self, tx_hash: str) -> JsonObject | None:
        place = self._transactions.get(tx_hash.lower())
        return None if place is None else self._blocks[place[0]].transactions[place[1]]

    def receipt(self, tx_hash: str) -> JsonObject | None:
        place = self._transactions.get(tx_hash.lower())
        return None if place is None else self._blocks[place[0]].receipts[place[1]]

    def trace(self, tx_hash: str) -> JsonObject | None:
        place = self._transactions.get(tx_hash.lower())
        return None if place is None else self._blocks[place[0]].traces[place[1]]

    def logs(self, first: int, last: int) -> Iterator[JsonObject]:
        """Yield the logs of blocks from the first to the last, both included, as far as there are any."""
        for block in self._blocks[max(0, first) : last + 1]:
            yield from block.logs

    def code(self, address: bytes, number: int) -> bytes:
        return self._vm(number).state.get_code(Address(address))

    def nonce(self, address: bytes, number: int) -> int:
        return self._vm(number).state.get_nonce(Address(address))

    def balance(self, address: bytes, number: int) -> int:
        return self._vm(number).state.get_balance(Address(address))

    def call(self, *, sender: bytes, to: bytes, data: bytes, number: int) -> bytes:
        """Run a contract's code on the state after a block, and forget what it did. Raises CallReverted."""
        done = self._vm(number).execute_bytecode(
            origin=Address(sender),
            gas_price=0,
            gas=GAS_LIMIT,
            to=Address(to),
            sender=Address(sender),
            value=0,
            data=data,
            code=self.code(to, number),
            code_address=Address(to),
        )
        if done.is_error:
            raise CallReverted(as_hex(done.output))
        return done.output

    # How a block comes about.

    @property
    def _chain(self) -> MiningChain:
        chain: MiningChain = self._backend.chain
        return chain

    def _vm(self, number: int) -> VirtualMachineAPI:
        header = self._chain.get_canonical_block_header_by_number(BlockNumber(number))
        return self._chain.get_vm(at_header=header)

    def _next_timestamp(self) -> int:
        now, parent = int(self._clock()), self.head.timestamp
        if self._in_history and parent + BLOCK_SECONDS < now:
            return parent + BLOCK_SECONDS
        self._in_history = False
        return max(now, parent + 1)

    def _set_time(self, timestamp: int) -> None:
        # The header of the block to come was made when its parent was mined.
        self._chain.header = self._chain.header.copy(timestamp=timestamp)

    def _apply(self, raw: bytes) -> str:
        gas_before = self._chain.header.gas_used
        try:
            transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
            _, receipt, computation = self._chain.apply_transaction(transaction)
        except (ValidationError, RLPException, UnrecognizedTransactionType) as error:
            raise TransactionRefused(str(error)) from error
        self._traces.append(frame(computation, gas=transaction.gas, gas_used=receipt.gas_used - gas_before))
        return as_hex(transaction.hash)

    def _seal(self) -> None:
        (block_hash,) = self._backend.mine_blocks(1)
        block = block_in_node_form(self._chain.get_block_by_hash(Hash32(block_hash)), self._chain)
        block.traces, self._traces = self._traces, []
        self._keep(block)

    def _cut(self, depth: int) -> None:
        for block in self._blocks[len(self._blocks) - depth :]:
            del self._numbers[block.hash]
            for transaction in block.transactions:
                del self._transactions[transaction["hash"]]
        del self._blocks[len(self._blocks) - depth :]
        self._traces = []
        self._backend.revert_to_snapshot(as_bytes(self.head.hash))

    def _keep(self, block: Block) -> None:
        self._blocks.append(block)
        self._numbers[block.hash] = block.number
        for index, transaction in enumerate(block.transactions):
            self._transactions[transaction["hash"]] = (block.number, index)
