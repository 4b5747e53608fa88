"""The demo's contracts: what is committed is what the sources compile to, and speaks in the real topics."""

import json
import os
import shutil

import pytest
from eth_utils.abi import event_abi_to_log_topic

from config.demo.contracts import COMPILED, contract
from config.demo.contracts.compile import SETTINGS, SOLC, compiled, source_hashes
from trading.chain.topics import EVENT_NAMES, TAKE_ORDER_V2_BYTES32

HOW = "compile them anew: python -m config.demo.contracts.compile"


def test_the_compiled_contracts_are_of_the_sources_beside_them():
    committed = json.loads(COMPILED.read_text())

    assert committed["sources"] == source_hashes(), HOW
    assert committed["compiler"] == {"package": "solc", "version": SOLC, "settings": SETTINGS}, HOW


@pytest.mark.slow
def test_the_sources_compile_to_what_is_committed():
    if shutil.which("npm") is None and os.environ.get("CI", "").lower() not in ("1", "true"):
        pytest.skip("npm is missing; install Node.js to compile the contracts")

    assert compiled() == json.loads(COMPILED.read_text()), HOW


def test_the_order_book_has_the_events_that_we_follow():
    events = {
        f"0x{event_abi_to_log_topic(entry).hex()}": entry["name"]
        for entry in contract("DemoOrderBook").abi
        if entry["type"] == "event"
    }

    # The other form of a V4 take was never deployed with V4.
    assert events == {topic: name for topic, name in EVENT_NAMES.items() if topic != TAKE_ORDER_V2_BYTES32}


def test_no_parameter_of_the_order_book_is_indexed():
    inputs = [entry["inputs"] for entry in contract("DemoOrderBook").abi if entry["type"] == "event"]

    assert not any(parameter["indexed"] for parameters in inputs for parameter in parameters)
