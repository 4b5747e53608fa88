"""The embedded chain: an EVM in this process, read over JSON-RPC like a node."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol, Self

from eth_keys.datatypes import PrivateKey

from config.demo.blocks import JsonObject
from config.demo.evm import BlockIsFinal, CallReverted, Evm, TransactionRefused
from config.demo.rpc import RpcServer, answer

__all__ = ["BlockIsFinal", "CallReverted", "EmbeddedChain", "JsonObject", "Node", "TransactionRefused"]


class Node(Protocol):
    """A node that the market trades on: this chain, or another process that speaks JSON-RPC."""

    @property
    def url(self) -> str:
        """Where it answers over HTTP."""

    @property
    def keys(self) -> Sequence[PrivateKey]:
        """The keys of accounts with ether in them: three at least."""

    def request(self, method: str, *params: object) -> Any:
        """Return the method's result; an error that the node answers is raised."""

    def reorg(self, depth: int, returning: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the last blocks by as many others, and one more.

        Their transactions are gone, except those that are returning: signed, each with the index of the new block.
        """


class EmbeddedChain(Evm):
    """An EVM that answers like a node, and mines empty blocks when it is told to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._server: RpcServer | None = None
        self._producer: threading.Thread | None = None
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and the mining of empty blocks."""
        self._closed.set()
        if self._producer is not None:
            self._producer.join()
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        """The node's URL, once it is served."""
        return self.serve().url

    def serve(self, port: int = 0) -> RpcServer:
        """Answer JSON-RPC over HTTP on 127.0.0.1, in a thread; port 0 takes a free one. Served once, it stays so."""
        with self.lock:
            if self._server is None:
                self._server = RpcServer(self, port)
            return self._server

    def request(self, method: str, *params: object) -> Any:
        """Answer a call of JSON-RPC without HTTP. Raises RpcError as a node would answer with an error."""
        return answer(self, method, list(params))

    def keep_mining(self, every_seconds: float) -> None:
        """Mine an empty block whenever none came for so long, in a thread, so that the head moves without fills."""
        if self._producer is not None:
            return

        def mine_when_idle() -> None:
            while not self._closed.wait(every_seconds):
                with self.lock:
                    if self._clock() - self.head.timestamp >= every_seconds:
                        self.mine()

        self.catch_up()
        self._producer = threading.Thread(target=mine_when_idle, name="embedded-chain", daemon=True)
        self._producer.start()
