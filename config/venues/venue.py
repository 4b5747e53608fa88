"""A venue: an exchange behind one protocol, with faults, a record of every call, and a server."""

import re
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import unquote

from config.venues.control import Control
from config.venues.exchange import Exchange
from config.venues.faults import USUAL, Fault, FaultPlan, Kind, Usual
from config.venues.orders import NoSuchOrder, Order
from config.venues.requests import Request
from config.venues.server import Server
from config.venues.wire import Answer, Asked, Cut, Delivery, Refusing

PAGE = "<HTML><HEAD>\n<TITLE>{title}</TITLE>\n</HEAD><BODY>\n<H1>{title}</H1>\n</BODY></HTML>\n"


class Broken(RuntimeError):
    """The venue itself failed while it answered. Mend the venue: what a client saw of it proves nothing."""


class Route(NamedTuple):
    """Which kind of call a path is, and who answers it."""

    method: str
    path: str
    """With names in braces for what varies."""

    call: str
    answer: Callable[..., Answer]


class Venue(ABC):
    """What all venues share. Use one in a `with`: it listens inside, and is gone after."""

    name: ClassVar[str]
    usual_faults: ClassVar[Usual] = USUAL

    def __init__(self, exchange: Exchange | None = None, *, faults: FaultPlan | None = None, port: int = 0) -> None:
        """Listen on 127.0.0.1, on a free port unless one is named."""
        self.exchange = exchange or Exchange()
        self.faults = faults or FaultPlan()
        self.requests: list[Request] = []
        self._control = Control(self)
        self._server = Server(self.handle, port)
        self._broken: list[str] = []

    # What a protocol gives.

    @abstractmethod
    def routes(self) -> Sequence[Route]: ...

    @abstractmethod
    def refusal(self, status: int, message: str | None = None) -> Answer:
        """Word a refusal as this venue does."""

    @abstractmethod
    def name_of(self, order: Order) -> str:
        """Return the venue's own id of an order."""

    @abstractmethod
    def disguised(self, answer: Answer, fault: Fault) -> Answer:
        """Change an answer as the fault says: an order's status, its fills, or where it is."""

    def authorise(self, asked: Asked, call: str) -> dict[str, str]:
        """Raise Refusing where the caller may not call; return what the answer's headers say besides."""
        return {}

    # What a test does.

    @property
    def url(self) -> str:
        return self._server.url

    def order_named(self, name: str) -> Order:
        """Find an order by the venue's id, the client's, or its number. Raises NoSuchOrder."""
        with self.exchange.lock:
            for order in self.exchange.orders:
                if name in (self.name_of(order), order.ask.client_id, str(order.number)):
                    return order
        raise NoSuchOrder(f"no order goes by {name!r}")

    def history(self) -> list[tuple[object, ...]]:
        """Tell everything that was asked and happened, so that two runs can be compared."""
        asked = [
            (one.at, one.call, one.method, one.path, one.query, one.body, one.status, one.fault, one.order)
            for one in self.requests
        ]
        return [*asked, *self.exchange.happenings]

    def asked(self, call: str) -> list[Request]:
        return [request for request in self.requests if request.call == call]

    @contextmanager
    def refusing_connections(self) -> Iterator[None]:
        """Let nobody in, as where nothing listens; connections that were open are closed."""
        self._server.refuse()
        try:
            yield
        finally:
            self._server.open()

    # The server.

    def open(self) -> None:
        self._server.open()

    def close(self) -> None:
        """Stop listening. Raises Broken where the venue failed in between."""
        self._server.close()
        if self._broken:
            raise Broken("the venue failed while it answered:\n" + "\n".join(self._broken))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def handle(self, asked: Asked) -> Delivery:
        """Answer one call."""
        if asked.path.startswith("/_venue/"):
            return Delivery(answer=self._control.answer(asked))
        route, parts = self._route(asked)
        call = route.call if route else "unknown"
        fault = self.faults.next(call, self.usual_faults)
        with self.exchange.lock:
            at = self.exchange.clock.now()
            answer = self._answered(asked, route, parts, fault)
            delivery = self._delivery(answer, fault)
            self.requests.append(
                Request(
                    number=len(self.requests) + 1,
                    at=at,
                    call=call,
                    method=asked.method,
                    path=asked.path,
                    query=dict(asked.query),
                    body=self.recorded_body(asked, call),
                    status=None if delivery.cut is Cut.UNANSWERED else delivery.answer.status,
                    fault=None if fault is None else str(fault),
                    order=None if answer.order is None else answer.order.number,
                )
            )
        return delivery

    def recorded_body(self, asked: Asked, call: str) -> bytes:
        """Return what may be kept of a body: everything, unless it carries secrets."""
        return asked.body

    def _answered(self, asked: Asked, route: Route | None, parts: dict[str, str], fault: Fault | None) -> Answer:
        if fault is not None and not fault.kind.takes:
            return self._refused(fault)
        try:
            self.exchange.settle()
            if route is None:
                return self.refusal(404, f"endpoint not found: {asked.method} {asked.path}")
            headers = self.authorise(asked, route.call)
            try:
                answer = route.answer(asked, **parts)
            except Refusing as refusing:
                answer = refusing.answer
            answer.headers |= headers
            return answer
        except Refusing as refusing:
            return refusing.answer
        except Exception:  # noqa: BLE001 - it is told on closing, and to the client as a server's failure.
            self._broken.append(traceback.format_exc())
            return self.refusal(500, "the venue itself failed; it says more when it is closed")

    def _refused(self, fault: Fault) -> Answer:
        if fault.page:
            return Answer(status=fault.status, text=PAGE.format(title="Access Denied"))
        answer = self.refusal(fault.status or 503, fault.message)
        if fault.retry_after is not None:
            answer.headers["Retry-After"] = fault.retry_after
        return answer

    def _delivery(self, answer: Answer, fault: Fault | None) -> Delivery:
        if fault is None:
            return Delivery(answer=answer)
        match fault.kind:
            case Kind.CUT_BEFORE | Kind.CUT_AFTER:
                return Delivery(answer=answer, cut=Cut.UNANSWERED)
            case Kind.CUT_WITHIN:
                empty = answer.encoded() == (b"", None)
                return Delivery(answer=answer, cut=Cut.UNANSWERED if empty else Cut.WITHIN)
            case Kind.FAIL_AFTER:
                return Delivery(answer=self.refusal(fault.status))
            case Kind.SLOW:
                return Delivery(answer=answer, wait_seconds=float(fault.seconds))
            case Kind.HTML:
                return Delivery(answer=Answer(status=answer.status, text=PAGE.format(title="Welcome")))
            case Kind.HIDE:
                if answer.order is not None:
                    answer.order.hidden = dict.fromkeys(fault.hidden_from, fault.reads)
                return Delivery(answer=answer)
            case Kind.STATUS_WORD | Kind.LOCATION | Kind.FILL_TWICE:
                return Delivery(answer=self.disguised(answer, fault))
            case Kind.REFUSE:
                return Delivery(answer=answer)

    @cached_property
    def _routes(self) -> list[tuple[Route, re.Pattern[str]]]:
        return [(route, _pattern(route.path)) for route in self.routes()]

    def _route(self, asked: Asked) -> tuple[Route | None, dict[str, str]]:
        for route, pattern in self._routes:
            if route.method == asked.method and (found := pattern.fullmatch(asked.path)):
                return route, {name: unquote(value) for name, value in found.groupdict().items()}
        return None, {}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def with_status(body: Any, word: str, marker: str) -> Any:
    """Say a word as the status of the order, or of every order in a list; orders are known by a key of theirs."""
    if isinstance(body, list):
        return [with_status(one, word, marker) for one in body]
    return {**body, "status": word} if isinstance(body, dict) and marker in body else body
