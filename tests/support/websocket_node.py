"""A replayed node over a websocket, whose connections can be cut, or left half open."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.replay_node import ReplayNode

# Only what the client logs is looked at by tests.
SILENT = logging.Logger("tests.support.silent", level=logging.CRITICAL + 1)


class WebSocketNode:
    """Connections to a replayed node. `silent` leaves questions without an answer."""

    def __init__(self, replay: ReplayNode) -> None:
        self.replay = replay
        self.url = ""
        self.silent = False
        self.connected = 0
        """Connections opened so far."""
        self._open: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._asked = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()], daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def wait_for_question(self) -> None:
        """Wait until a question has come in since the last call."""
        self._asked.wait()
        self._asked.clear()

    def cut(self) -> None:
        """Break every connection, without a goodbye."""
        self._on_each(lambda each: each.transport.abort())

    def hang_up(self) -> None:
        """End every connection politely."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    def freeze(self) -> None:
        """Read no more from any connection: not even pings are answered, and nothing is closed."""
        self._on_each(lambda each: each.transport.pause_reading())

    def _on_each(self, action) -> None:
        done = threading.Event()

        def act() -> None:
            for each in list(self._open):
                action(each)
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait()

    async def _hang_up(self) -> None:
        for each in list(self._open):
            await each.close()

    async def _serve(self) -> None:
        async with serve(self._converse, "127.0.0.1", 0, close_timeout=0.1, max_size=None, logger=SILENT) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}"
            self._ready.set()
            await self._ended.wait()
            for each in list(self._open):
                each.transport.abort()

    async def _converse(self, connection: ServerConnection) -> None:
        self.connected += 1
        self._open.add(connection)
        try:
            async for message in connection:
                self._asked.set()
                request = json.loads(message)
                fault = self.replay.fault(request)
                if self.silent:
                    continue
                if fault is not None:
                    await connection.send({"garbage": "<html>", "empty": ""}[fault[0]])
                    continue
                await connection.send(json.dumps(self.replay.reply(request)[1]))
        except ConnectionClosed:
            pass
        finally:
            self._open.discard(connection)


@contextmanager
def over_websocket(replay: ReplayNode) -> Iterator[WebSocketNode]:
    """Serve a replayed node on a free port."""
    node = WebSocketNode(replay)
    node.start()
    try:
        yield node
    finally:
        node.stop()
