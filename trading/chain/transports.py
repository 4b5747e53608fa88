"""Transports: one question to a node and its reply, over HTTP or a websocket. Imported late: web3 takes seconds."""

import asyncio
import json
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from web3.exceptions import ProviderConnectionError, Web3Exception
from web3.providers.persistent import WebSocketProvider
from web3.providers.rpc import HTTPProvider
from web3.types import RPCEndpoint
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

T = TypeVar("T")

# web3 and its clients write the whole URL into their logs, and the URL holds the key.
_SILENT = logging.Logger("trading.chain.silent", level=logging.CRITICAL + 1)
_SILENT.addHandler(logging.NullHandler())
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

MESSAGE_TOO_BIG = 1009


class Unreachable(Exception):
    """No reply came. The reason never names the URL."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


class TooLarge(Exception):
    """The reply was larger than we take."""


class Reply(NamedTuple):
    """What came back. `answer` is the decoded JSON; without one, `what` says what was there instead."""

    status: int
    answer: object = None
    what: str = ""
    retry_after: float | None = None


class Transport(Protocol):
    """A way to put a question."""

    def ask(self, method: str, params: list[object]) -> Reply:
        """Raises Unreachable, TooLarge."""

    def close(self) -> None:
        """Let go of everything held."""


def opened(url: str, *, timeout_seconds: float, ping_seconds: float, largest_answer_bytes: int) -> Transport:
    """The transport that the URL's scheme asks for. Nothing is connected before the first question."""
    if url.startswith(("ws://", "wss://")):
        return WebSocket(url, timeout_seconds, ping_seconds, largest_answer_bytes)
    return Http(url, timeout_seconds, largest_answer_bytes)


class Http:
    """Questions over HTTP, on kept connections."""

    def __init__(self, url: str, timeout_seconds: float, largest_answer_bytes: int) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._largest_answer_bytes = largest_answer_bytes
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=16))
        self._provider = HTTPProvider(url, session=self._session, exception_retry_configuration=None)

    def ask(self, method: str, params: list[object]) -> Reply:
        """Raises Unreachable, TooLarge."""
        question = self._provider.encode_rpc_request(RPCEndpoint(method), params)
        failure: Unreachable
        try:
            status, retry_after, body = self._post(question)
        except requests.exceptions.SSLError:
            failure = Unreachable("fails the TLS handshake")
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
            failure = Unreachable(f"does not answer within {self._timeout_seconds:g} s", timed_out=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = Unreachable(f"cannot be reached: {_cause(error)}")
        else:
            return self._reply(question, status, retry_after, body)
        raise failure

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _post(self, question: bytes) -> tuple[int, float | None, bytes]:
        deadline = time.monotonic() + self._timeout_seconds
        request = self._prepared.copy()
        request.prepare_body(question, None)
        # What a node's load balancer sets keeps the next question on the same node.
        request.prepare_cookies(self._session.cookies)
        with self._session.send(
            request,
            **self._environment,
            timeout=self._timeout_seconds,
            # A redirect would carry the question, and the key, to somewhere else.
            allow_redirects=False,
        ) as response:
            body = bytearray()
            # The timeout above holds between two pieces; a node that drips has to end too.
            while piece := response.raw.read1(2**18, decode_content=True):
                body += piece
                if len(body) > self._largest_answer_bytes:
                    raise TooLarge
                if time.monotonic() > deadline:
                    raise requests.Timeout
            return response.status_code, _seconds(response.headers.get("Retry-After")), bytes(body)

    @cached_property
    def _prepared(self) -> requests.PreparedRequest:
        # Once, since a look at the chain puts dozens of questions, which differ in their bodies alone.
        request = requests.Request("POST", self._url, headers=self._provider.get_request_headers())
        return self._session.prepare_request(request)

    @cached_property
    def _environment(self) -> Mapping[str, Any]:
        """The proxies and certificates that the process was started with."""
        return self._session.merge_environment_settings(self._url, {}, True, None, None)

    def _reply(self, question: bytes, status: int, retry_after: float | None, body: bytes) -> Reply:
        if not body.strip():
            return Reply(status, what="nothing", retry_after=retry_after)
        try:
            answer = self._provider.decode_rpc_response(body)
        except (ValueError, RecursionError):
            return Reply(status, what="no JSON", retry_after=retry_after)
        if isinstance(answer, dict) and "result" in answer and answer.get("id") != json.loads(question)["id"]:
            return Reply(status, what="the answer to another question", retry_after=retry_after)
        return Reply(status, answer, "no JSON-RPC", retry_after)


class _Socket(WebSocketProvider):
    """One connection, with a reader that hands each answer to whoever waits for it.

    web3's own reader is asked in a loop that never rests, and does not tell its askers when the server hangs up.
    """

    logger = _SILENT

    def __init__(self, url: str, timeout_seconds: float, ping_seconds: float, largest_answer_bytes: int) -> None:
        super().__init__(
            url,
            websocket_kwargs={
                # A half-open connection has to be noticed in seconds.
                "ping_interval": ping_seconds,
                "ping_timeout": ping_seconds,
                "open_timeout": timeout_seconds,
                "close_timeout": min(2.0, ping_seconds),
                # The default of 1 MiB is less than a range full of logs.
                "max_size": largest_answer_bytes,
                "logger": _SILENT,
            },
            use_text_frames=True,
            request_timeout=timeout_seconds,
            max_connection_retries=1,
        )
        self.broken: Exception | None = None
        self._waiting: dict[object, asyncio.Future[object]] = {}

    async def answered(self, method: str, params: list[object]) -> object:
        """The answer to one question. Raises what broke the connection, or TimeoutError."""
        request = self.form_request(RPCEndpoint(method), params)
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[request["id"]] = future
        try:
            await self.socket_send(self.encode_rpc_dict(request))
            return await future
        finally:
            self._waiting.pop(request["id"], None)

    async def _message_listener(self) -> None:
        try:
            while True:
                self._hand_over(await self.socket_recv())
        except (WebSocketException, OSError, ValueError, RecursionError) as error:
            self.broken = error
        except asyncio.CancelledError:
            self.broken = ConnectionAbortedError()
            raise
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ConnectionAbortedError() if self.broken is None else self.broken)

    def _hand_over(self, answer: object) -> None:
        key = answer.get("id") if isinstance(answer, dict) else None
        if key is None and len(self._waiting) == 1:
            # A server that could not read the question cannot say whose it was.
            (key,) = self._waiting
        if not isinstance(key, int | str):
            return  # Nobody's: a list could not even be looked up.
        future = self._waiting.get(key)
        if future is not None and not future.done():
            future.set_result(answer)


class WebSocket:
    """Questions over one websocket, kept by a thread of its own and opened anew by the next question when it broke."""

    def __init__(self, url: str, timeout_seconds: float, ping_seconds: float, largest_answer_bytes: int) -> None:
        self._settings = (url, timeout_seconds, ping_seconds, largest_answer_bytes)
        self._timeout_seconds = timeout_seconds
        self._socket: _Socket | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._connecting = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chain-websocket", daemon=True)
        self._thread.start()

    def ask(self, method: str, params: list[object]) -> Reply:
        """Raises Unreachable, TooLarge."""
        failure: Unreachable | TooLarge
        try:
            return self._run(self._ask(method, params))
        except InvalidStatus as error:
            headers = error.response.headers
            return Reply(
                error.response.status_code, what="no websocket", retry_after=_seconds(headers.get("Retry-After"))
            )
        except ConnectionClosed as error:
            sent = error.sent.code if error.sent else None
            failure = TooLarge() if sent == MESSAGE_TOO_BIG else Unreachable("hung up")
        except (TimeoutError, FutureTimeout):
            failure = Unreachable(f"does not answer within {self._timeout_seconds:g} s", timed_out=True)
        except (Web3Exception, WebSocketException, OSError, ValueError, CancelledError, RuntimeError) as error:
            failure = Unreachable(f"cannot be reached: {_cause(error)}")
        raise failure

    def close(self) -> None:
        """Hang up, and end the thread."""
        if self._loop.is_closed():
            return
        with suppress(Web3Exception, WebSocketException, OSError, FutureTimeout):
            self._run(self._hang_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._timeout_seconds + 5)
        if not self._thread.is_alive():
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            work.close()
            raise ConnectionAbortedError
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            # Every step of the work has its own end; this one is for a loop that stands still.
            return future.result(self._timeout_seconds * 2 + 5)
        except FutureTimeout:
            future.cancel()
            raise

    async def _ask(self, method: str, params: list[object]) -> Reply:
        async with asyncio.timeout(self._timeout_seconds):
            connection = await self._connected()
            answer = await connection.answered(method, params)
        return Reply(200, answer, "no JSON-RPC")

    async def _connected(self) -> _Socket:
        async with self._connecting:
            if self._socket is not None and self._socket.broken is None:
                return self._socket
            if self._socket is not None:
                self._forget(self._socket)
            fresh = _Socket(*self._settings)
            try:
                await fresh.connect()
            except ProviderConnectionError as error:
                raise error.__cause__ or error from None
            self._socket = fresh
            return fresh

    def _forget(self, broken: _Socket) -> None:
        self._socket = None
        task = asyncio.get_running_loop().create_task(_hang_up_quietly(broken))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _hang_up(self) -> None:
        if self._socket is not None:
            self._forget(self._socket)
        if self._closing:
            await asyncio.wait(self._closing, timeout=self._timeout_seconds)


async def _hang_up_quietly(connection: _Socket) -> None:
    with suppress(Web3Exception, WebSocketException, OSError):
        await connection.disconnect()


def _seconds(header: str | None) -> float | None:
    """A Retry-After header, which is a number of seconds or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _cause(error: BaseException) -> str:
    """The system's word for what went wrong. The error's own message may hold the URL."""
    # Breadth first; a chain of causes may lead in a circle.
    seen: list[object] = [error]
    for each in seen:
        if len(seen) > 100:
            break
        if isinstance(each, socket.gaierror):
            return "the host's name is not known"
        if isinstance(each, OSError) and not isinstance(each, requests.RequestException) and each.errno:
            return os.strerror(each.errno)
        if isinstance(each, BaseException):
            seen += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
    return type(error).__name__
