"""Decoding: logs a second by our decoder, by eth_abi and by web3, side by side.

Run `python -m benchmarks.decoding`. The three take turns, so that a busy machine slows all of them alike. Printed are
the medians of the rounds, and the ratio to web3. Our decoder remembers orders that it has met; it forgets them before
each pass over a sample, so that only an order which comes back within the sample is one that it knows.
"""

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import eth_abi

from tests.trading.chain.encoding import OWNER, SENDER, encode, order, web3_event, web3_log
from trading.chain import decoder
from trading.chain.decoder import decode
from trading.chain.logs import Log
from trading.chain.topics import EVENT_NAMES, EVENT_TYPES, TAKE_ORDER_V3

RECORDINGS = Path(__file__).parents[1] / "tests" / "recordings"
SYNTHETIC_BYTES = 1440

Sample = Sequence[tuple[str, bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="how long one reader's turn takes, about")
    options = parser.parse_args()
    say(
        f"{'sample':<34}{'logs':>6}{'bytes':>7}{'ours':>12}{'eth_abi':>12}{'web3':>12}{'ours/web3':>12}{'abi/web3':>11}"
    )
    for name, sample in samples().items():
        ours, by_eth_abi, by_web3 = measured(sample, rounds=options.rounds, seconds=options.seconds)
        size = statistics.mean(len(data) for _, data in sample)
        say(
            f"{name:<34}{len(sample):>6}{size:>7.0f}{ours:>10,.0f}/s{by_eth_abi:>10,.0f}/s{by_web3:>10,.0f}/s"
            f"{ours / by_web3:>10.1f} ×{by_eth_abi / by_web3:>9.1f} ×"
        )


def samples() -> dict[str, Sample]:
    return {
        "real logs, orderbook-v4": recorded("orderbook-v4"),
        "real logs, orderbook-v6": recorded("orderbook-v6"),
        f"TakeOrderV3 of {SYNTHETIC_BYTES:,} bytes": [synthetic(number) for number in range(100)],
    }


def recorded(name: str) -> Sample:
    answers = json.loads(gzip.decompress((RECORDINGS / f"{name}.json.gz").read_bytes()))["logs"]
    logs = map(Log.from_rpc, answers)
    return [(log.topic0, log.data) for log in logs if log.topic0 in EVENT_NAMES]


def synthetic(number: int) -> tuple[str, bytes]:
    io, word = [(OWNER, number.to_bytes(32))], number.to_bytes(32)

    def take(bytecode: bytes) -> bytes:
        return encode(TAKE_ORDER_V3, (SENDER, (order(OWNER, io, io, bytecode=bytecode), 0, 0, []), word, word))

    data = take(b"\x01" * (SYNTHETIC_BYTES - len(take(b""))))
    if len(data) != SYNTHETIC_BYTES:
        raise ValueError(f"expected {SYNTHETIC_BYTES} bytes, was {len(data)}")
    return TAKE_ORDER_V3, data


def measured(sample: Sample, *, rounds: int, seconds: float) -> list[float]:
    """Measure each reader's logs a second: ours, eth_abi, web3."""
    turns = [turn(decode_ours, sample, first=forget_orders), turn(decode_by_eth_abi, sample), turn_of_web3(sample)]
    # Once around to warm up, and to see how often a reader goes through the sample in its turn.
    repeats = [max(1, round(seconds / timed(each, 1))) for each in turns]
    speeds: list[list[float]] = [[] for _ in turns]
    for _ in range(rounds):
        for each, times, speed in zip(turns, repeats, speeds, strict=True):
            speed.append(len(sample) * times / timed(each, times))
    return [statistics.median(speed) for speed in speeds]


def timed(each: Callable[[], None], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        each()
    return time.perf_counter() - started


def turn(
    reader: Callable[[str, bytes], object], sample: Sample, first: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    def once() -> None:
        first()
        for topic0, data in sample:
            reader(topic0, data)

    once()
    return once


def turn_of_web3(sample: Sample) -> Callable[[], None]:
    # Its logs and events are made beforehand: only the reading is timed.
    made: list[tuple[Any, Any]] = [(web3_event(topic0), web3_log(topic0, data)) for topic0, data in sample]

    def once() -> None:
        for event, log in made:
            event.process_log(log)

    once()
    return once


def forget_orders() -> None:
    decoder._order.cache_clear()


def decode_ours(topic0: str, data: bytes) -> object:
    return decode(topic0, data)


def decode_by_eth_abi(topic0: str, data: bytes) -> object:
    return eth_abi.decode(EVENT_TYPES[topic0], data)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
