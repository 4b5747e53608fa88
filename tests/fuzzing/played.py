"""Played: a service in this process, without a network, that answers as an example says."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx2
from hypothesis import strategies as st

from tests.fuzzing.mutated import HEADERS, STATUSES, bodies, members_of, written
from trading.brokers.http import BrokerHttp

TOLD_IN_HEADERS = ("Retry-After", "X-RateLimit-Reset", "Date", "Location", "Content-Type", "Content-Encoding")


class Forgetful:
    """A recorder that keeps nothing."""

    def sending(self, call: Any) -> int:
        return 1

    def received(self, record: int, answer: Any) -> None:
        pass

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        pass


Samples = Callable[[str, str], tuple[int, Any]]
"""What is answered to a method and a path, as status and body, where nothing is wrong."""


def service(draw: Callable[[st.SearchStrategy[Any]], Any], samples: Samples) -> httpx2.MockTransport:
    """A service whose answers are right, but for those that the example changes."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        status, body = samples(request.method, request.url.path)
        if draw(st.integers(0, 3)) == 0:
            return httpx2.Response(status, content=written(members_of(body)).encode())
        status = draw(st.sampled_from((status, status, *STATUSES)))
        headers = draw(st.dictionaries(st.sampled_from(TOLD_IN_HEADERS), st.sampled_from(HEADERS), max_size=2))
        if "Content-Encoding" in headers:
            headers["Content-Encoding"] = draw(st.sampled_from(("gzip", "deflate", "identity", "br")))
        return _response(status, headers, draw(bodies([body])))

    return httpx2.MockTransport(answer)


def _response(status: int, headers: Mapping[str, str], body: bytes) -> httpx2.Response:
    told = [(name.encode(), value.encode("utf-8")) for name, value in headers.items()]
    return httpx2.Response(status, headers=told, stream=httpx2.ByteStream(body))


def http_of(transport: httpx2.MockTransport, *, clock: datetime, source: str = "fuzzed") -> BrokerHttp:
    return BrokerHttp(
        source=source, base_url="http://fuzzed", recorder=Forgetful(), clock=lambda: clock, transport=transport
    )
