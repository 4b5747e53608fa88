"""Links: the ways between processes. Each is a TCP proxy on this machine, to be cut, silenced, or robbed of answers."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Any, Self

AT_ONCE = struct.pack("ii", 1, 0)  # Of SO_LINGER: a connection that is closed is reset.
CHUNK = 65_536


class Way(StrEnum):
    """What a link does with what is sent through it."""

    OPEN = "open"
    CUT = "cut"
    """Connections are reset, and there are no new ones."""
    SILENT = "silent"
    """Nothing passes, and nobody is told. What was sent arrives when the link is mended."""
    ANSWERLESS = "without answers"
    """What is asked arrives, and is done; what is answered never comes."""


class Links:
    """All links of a world, in one thread. Use it in a `with`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._links: list[Link] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        for link in self._links:
            link.close()
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def to(self, port: int, name: str) -> "Link":
        """Make a link to a port of this machine."""
        link = Link(self, port, name)
        self._links.append(link)
        return link

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the thread of the links, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Link:
    """One way, from a port of its own to another one."""

    def __init__(self, links: Links, to: int, name: str) -> None:
        self.name = name
        self._links, self._to = links, to
        self._way, self._mended = Way.OPEN, asyncio.Event()
        self._then: tuple[bytes, Way] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.asked = 0
        """How often somebody came, and how many pieces were asked: it grows where anybody wants anything."""
        self.answered = 0
        """How many pieces of answers were handed to whoever asked."""
        self.felt = 0
        """How often somebody was cut off, held up, or robbed of an answer."""
        self._held: list[bytes] = []
        self.port: int = links.run(self._listen())

    def take(self, way: Way) -> None:
        """Go another way from now on."""
        self._links.run(self._take(way))

    def take_at(self, words: bytes, way: Way) -> None:
        """Stay open until somebody asks with these words, and go another way from this very question on."""
        self._links.run(self._take(Way.OPEN, then=(words, way)))

    def holds(self, words: bytes) -> bool:
        """Tell whether a question with these words waits, since the link is silent, to be passed on."""
        return any(words in question for question in list(self._held))

    @property
    def is_used(self) -> bool:
        """Tell whether anybody is connected."""
        return bool(self._writers)

    def close(self) -> None:
        self._server.close()
        self._links.run(self._take(Way.CUT))

    async def _listen(self) -> int:
        self._mended.set()
        self._server = await asyncio.start_server(self._passed, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _take(self, way: Way, *, then: tuple[bytes, Way] | None = None) -> None:
        # What waits for an answer that was lost waits for ever: it is told when the link is mended.
        if way is Way.CUT or self._way is Way.ANSWERLESS:
            self.felt += way is Way.CUT and bool(self._writers)
            for writer in self._writers:
                _reset(writer)
        self._way, self._held, self._then = way, [], then
        if way is Way.SILENT:
            self._mended.clear()
        else:
            self._mended.set()

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._way is Way.CUT:
            self.felt += 1
            _reset(writer)
            return
        self.asked += 1
        self._writers.add(writer)
        there = None
        try:
            async with asyncio.TaskGroup() as tasks:
                asked: asyncio.Queue[bytes] = asyncio.Queue()
                tasks.create_task(self._hear(reader, asked))
                await self._mended.wait()
                from_there, there = await asyncio.open_connection("127.0.0.1", self._to)
                self._writers.add(there)
                tasks.create_task(self._pump(asked.get, there, answers=False))
                tasks.create_task(self._pump(partial(from_there.read, CHUNK), writer, answers=True))
        except* OSError:
            pass  # One of the two ends is gone, and so the other goes too.
        finally:
            for each in (writer, there):
                if each is not None:
                    self._writers.discard(each)
                    _reset(each)

    async def _hear(self, reader: asyncio.StreamReader, asked: asyncio.Queue[bytes]) -> None:
        """Take what is asked, while the link is silent too: a question comes in pieces. An end is an empty one."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self.asked += 1
                if self._then is not None and self._then[0] in data:
                    await self._take(self._then[1])
                if self._way is Way.SILENT:
                    self._held.append(data)
                    self.felt += 1
                asked.put_nowait(data)
        asked.put_nowait(b"")

    async def _pump(
        self, piece: Callable[[], Awaitable[bytes]], writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while data := await piece():
            await self._mended.wait()
            if answers and self._way is Way.ANSWERLESS:
                self.felt += 1
                continue
            self.answered += answers
            writer.write(data)
            await writer.drain()
        await self._mended.wait()
        raise ConnectionResetError("one end is closed")


def _reset(writer: asyncio.StreamWriter) -> None:
    plain: socket.socket | None = writer.get_extra_info("socket")
    if plain is not None and plain.fileno() >= 0:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
