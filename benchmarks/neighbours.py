"""Neighbours: the broker and the node beside which a measurement runs, each a process of its own on this machine."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

LISTENING = " is at "


class Neighbour:
    """A process with an address; whatever is asked of it here is no part of what is measured."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx2.Client(trust_env=False)

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.request(method, f"{self.url}{path}", json=body)
        answer.raise_for_status()
        return answer.json()


class VenueNearby(Neighbour):
    """A venue of our own, with the variables that lead to it."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        super().__init__(url)
        self.environment = environment

    def state(self) -> dict[str, Any]:
        return dict(self._call("GET", "/_venue/state"))

    def requests(self) -> list[dict[str, Any]]:
        """The last hundred calls of others, the newest last."""
        return list(self._call("GET", "/_venue/requests"))

    def set(self, name: str, **body: str) -> None:
        self._call("POST", f"/_venue/{name}", body)


class NodeNearby(Neighbour):
    """A node with a chain that was made before, of which it shows as much as it is told to."""

    def turn(self, **knobs: Any) -> None:
        self._call("POST", "", {"jsonrpc": "2.0", "id": 1, "method": "replay_set", "params": [knobs]})


@contextmanager
def venue_nearby(name: str, *options: str) -> Iterator[VenueNearby]:
    """Run `manage.py venue`, on a free port, until the end of the block."""
    command = [sys.executable, "manage.py", "venue", name, "--port", "0", *options]
    with _running(command) as process:
        url, environment = "", {}
        for line in process.stdout or ():
            if LISTENING in line:
                url = line.split(LISTENING)[1].split(";")[0]
            elif line.startswith("export "):
                variable, _, value = line.removeprefix("export ").strip().partition("=")
                environment[variable] = value
            elif line.startswith("Ctrl-C"):
                break
        venue = VenueNearby(url, environment)
        try:
            yield venue
        finally:
            venue.close()


@contextmanager
def node_nearby(recording: Mapping[str, Any], *, head: int) -> Iterator[NodeNearby]:
    """Serve a made chain on a free port until the end of the block; no traces, so that nobody asks for one again."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.json.gz"
        file.write_bytes(gzip.compress(json.dumps(recording).encode()))
        command = [sys.executable, "-m", "tests.support.replay_node", str(file), "--head", str(head), "--no-traces"]
        with _running(command) as process:
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            node = NodeNearby(f"http://127.0.0.1:{int(process.stdout.readline())}")
            try:
                yield node
            finally:
                node.close()


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603  # our own
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)
