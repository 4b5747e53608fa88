import itertools
import json

import pytest
from werkzeug import Request, Response

from tests.support.chains import node_at


@pytest.fixture
def asked(httpserver):
    """What came to a node that answers each question with block 201, and sets a cookie with it."""
    asked: list[Request] = []
    backends = itertools.count(1)

    def answer(request: Request) -> Response:
        asked.append(request)
        reply = {"jsonrpc": "2.0", "id": request.get_json()["id"], "result": "0xc9"}
        return Response(json.dumps(reply), headers={"Set-Cookie": f"backend={next(backends)}; Path=/"})

    httpserver.expect_request("/key").respond_with_handler(answer)
    return asked


def test_each_question_carries_what_a_load_balancer_set_last_so_that_one_backend_answers_them(httpserver, asked):
    node = node_at(httpserver.url_for("/key"))

    assert [node.head() for _ in range(3)] == [201, 201, 201]

    assert [request.headers.get("Cookie") for request in asked] == [None, "backend=1", "backend=2"]
    assert [len(request.get_data()) for request in asked] == [request.content_length for request in asked]
    node.close()


def test_a_proxy_that_the_environment_names_is_asked_in_place_of_the_node(httpserver, asked, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", httpserver.url_for("/"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    node = node_at("http://node.example/key")

    assert node.head() == 201

    assert [request.host for request in asked] == ["node.example"]
    node.close()
