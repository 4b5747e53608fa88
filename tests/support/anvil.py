"""Anvil: a real node in a process of its own, from the PATH or from the npm registry.

    with anvil(block_time=1) as node:
        node.request("eth_blockNumber")

Without one a test is skipped; where CI is true it fails, for there it must run.

Unlike a public node it sets no limit on the range of eth_getLogs, and it never sends a log as removed. Its reorg may
bring a transaction back in another block, at another log index.
"""

import fcntl
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from eth_account.hdaccount.deterministic import HDPath
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_keys.datatypes import PrivateKey

VERSION = "1.7.1"
# The accounts that anvil starts with, in every installation of the world.
MNEMONIC = "test test test test test test test test test test test junk"
START_SECONDS = 15
ANSWER_SECONDS = 30

_READING = ("eth_get", "eth_call", "eth_blockNumber", "eth_chainId")
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")


class AnvilUnavailable(RuntimeError):
    """There is no anvil here and none could be installed."""


class AnvilError(Exception):
    """The node answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Anvil:
    """A running node."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.keys: Sequence[PrivateKey] = keys()

    def request(self, method: str, *params: object) -> Any:
        """Return a method's result. What only reads is asked a second time where nobody answers. Raises AnvilError."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            answer = self._asked(body)
        except TimeoutError:
            # Beside many other tests an answer may take longer than that, which is no fault of the node.
            if not method.startswith(_READING):
                raise
            answer = self._asked(body)
        if "error" in answer:
            raise AnvilError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def _asked(self, body: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def mine(self, blocks: int = 1) -> None:
        self.request("anvil_mine", hex(blocks))

    def snapshot(self) -> str:
        taken: str = self.request("evm_snapshot")
        return taken

    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot: the blocks after it are gone, and the head is lower."""
        assert self.request("evm_revert", snapshot) is True

    def reorg(self, depth: int, returning: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the last blocks by as many others, and mine one more.

        Their transactions are gone, except those that are returning: signed, each with the index of the new block.
        """
        self.request("anvil_reorg", depth, [[raw, index] for raw, index in returning])
        self.mine()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def anvil(*, port: int = 0, block_time: float | None = None, **options: object) -> Iterator[Anvil]:
    """Run a node until the end of the block. Options are anvil's own, as in `chain_id=8453` or `no_mining=True`."""
    arguments = ["--port", str(port)]
    if block_time is not None:
        options["block_time"] = block_time
    for name, value in options.items():
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    process = subprocess.Popen(
        [str(_binary_or_skip()), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    reader, lines = _read_in_thread(process)
    try:
        yield Anvil(process, _port(process, lines))
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


@cache
def keys() -> tuple[PrivateKey, ...]:
    """Derive the keys of the accounts that hold ether on every anvil."""
    seed = Mnemonic.to_seed(MNEMONIC)
    return tuple(PrivateKey(HDPath(f"m/44'/60'/0'/0/{number}").derive(seed)) for number in range(4))


@cache
def binary() -> Path:
    """Return anvil from the PATH, or from a cache outside the project, where npm puts it. Raises AnvilUnavailable."""
    if found := shutil.which("anvil"):
        return Path(found)
    system, machine = platform.system().lower(), platform.machine().lower()
    cpu = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine)
    if system not in ("linux", "darwin") or cpu is None:
        raise AnvilUnavailable(f"anvil is not on the PATH, and there is no package of it for {system} on {machine}")
    package = f"@foundry-rs/anvil-{system}-{cpu}"

    folder = _cache_folder() / f"anvil-{VERSION}"
    installed = folder / "node_modules" / package / "bin" / "anvil"
    folder.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes, and one of them is enough to install it.
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists():
            _install(f"{package}@{VERSION}", folder)
    return installed


def _install(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise AnvilUnavailable("anvil is not on the PATH, and npm, which could install it, is missing")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    except subprocess.TimeoutExpired as error:
        raise AnvilUnavailable(f"npm took more than {error.timeout:.0f} seconds to install {package}") from error
    if done.returncode != 0:
        raise AnvilUnavailable(f"npm could not install {package}: {done.stderr.strip()}")


def _binary_or_skip() -> Path:
    try:
        return binary()
    except AnvilUnavailable as missing:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"{missing}; with CI set this test must run")
        pytest.skip(f"{missing}; install Node.js with npm, or anvil")


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hedgetrail"


def _read_in_thread(process: "subprocess.Popen[str]") -> "tuple[threading.Thread, queue.Queue[str]]":
    # A pipe that nobody empties stops the process that fills it.
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, lines


def _port(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> int:
    said: list[str] = []
    while True:
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            raise RuntimeError(f"anvil did not start within {START_SECONDS} seconds: {''.join(said)}") from None
        if found := _LISTENING.search(line):
            return int(found[1])
        if not line:
            raise RuntimeError(f"anvil ended with {process.wait()}: {''.join(said)}")
        said.append(line)
