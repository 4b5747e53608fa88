"""The AfterClear: the right one among many, in any order."""

import itertools
import random

import msgspec
import pytest

from trading.chain.after_clear import pair
from trading.chain.logs import Log
from trading.chain.topics import AFTER_CLEAR, AFTER_CLEAR_V2, CLEAR_V2, CLEAR_V3, TAKE_ORDER_V3


def log(topic0, index, **changes):
    made = Log(
        address="0x" + "0b" * 20,
        topics=(topic0,),
        data=b"",
        block_number=7,
        block_hash="0x" + "b7" * 32,
        tx_hash="0x" + "07" * 32,
        log_index=index,
    )
    return msgspec.structs.replace(made, **changes)


CLEAR = log(CLEAR_V3, 5)


@pytest.mark.parametrize("logs", list(itertools.permutations([4, 6, 8, 9])))
def test_the_first_one_after_the_clear_in_whatever_order(logs):
    assert pair(CLEAR, [log(AFTER_CLEAR_V2, index) for index in logs]) == log(AFTER_CLEAR_V2, 6)


def test_each_of_many_clears_has_its_own():
    # A multicall: clears of both kinds of logs, one after the other, other logs between.
    clears = [log(CLEAR_V3, index) for index in range(0, 40, 4)]
    others = [log(TAKE_ORDER_V3, index) for index in range(1, 40, 4)]
    afters = [log(AFTER_CLEAR_V2, index) for index in range(3, 40, 4)]
    logs = (clears + others + afters) * 2
    random.Random(3).shuffle(logs)
    assert [pair(clear, logs) for clear in clears] == afters


@pytest.mark.parametrize(
    "other",
    [
        log(AFTER_CLEAR_V2, 5),  # the same index is not after
        log(AFTER_CLEAR_V2, 4),
        log(AFTER_CLEAR, 6),  # of another generation
        log(TAKE_ORDER_V3, 6),
        log(AFTER_CLEAR_V2, 6, topics=()),
        log(AFTER_CLEAR_V2, 6, address="0x" + "0c" * 20),
        log(AFTER_CLEAR_V2, 6, tx_hash="0x" + "08" * 32),
        # The same transaction, in the block where a reorg put it or from which it took it.
        log(AFTER_CLEAR_V2, 6, block_hash="0x" + "b8" * 32),
        log(AFTER_CLEAR_V2, 6, removed=True),
    ],
)
def test_what_is_not_the_after_clear(other):
    assert pair(CLEAR, [other]) is None
    assert pair(CLEAR, [log(AFTER_CLEAR_V2, 7), other]) == log(AFTER_CLEAR_V2, 7)


def test_none_among_none():
    assert pair(CLEAR, []) is None


def test_a_v4_clear_has_a_v4_after_clear():
    clear = log(CLEAR_V2, 5)
    assert pair(clear, [log(AFTER_CLEAR_V2, 6), log(AFTER_CLEAR, 8)]) == log(AFTER_CLEAR, 8)
