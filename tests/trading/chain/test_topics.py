"""Topics: each is the hash of its event's signature."""

import pytest
from eth_utils import keccak

from trading.chain.topics import (
    AFTER_CLEAR,
    AFTER_CLEAR_V2,
    AFTER_CLEARS,
    CLEAR_V2,
    CLEAR_V3,
    CLEARS,
    EVENT_NAMES,
    FOLLOWED,
    TAKE_ORDER_V2,
    TAKE_ORDER_V2_BYTES32,
    TAKE_ORDER_V3,
    TAKES,
    after_clear_topic_of,
    signature_of,
)

_V3 = "(address,(address,address,bytes),(address,uint8,uint256)[],(address,uint8,uint256)[],bytes32)"
_V4 = "(address,(address,address,bytes),(address,bytes32)[],(address,bytes32)[],bytes32)"


@pytest.mark.parametrize(
    ("topic", "signature"),
    [
        (CLEAR_V2, f"ClearV2(address,{_V3},{_V3},(uint256,uint256,uint256,uint256,uint256,uint256))"),
        (AFTER_CLEAR, "AfterClear(address,(uint256,uint256,uint256,uint256))"),
        (
            TAKE_ORDER_V2,
            f"TakeOrderV2(address,({_V3},uint256,uint256,(address,uint256[],bytes)[]),uint256,uint256)",
        ),
        (
            TAKE_ORDER_V2_BYTES32,
            f"TakeOrderV2(address,({_V3},uint256,uint256,(address,bytes32[],bytes)[]),uint256,uint256)",
        ),
        (CLEAR_V3, f"ClearV3(address,{_V4},{_V4},(uint256,uint256,uint256,uint256,bytes32,bytes32))"),
        (AFTER_CLEAR_V2, "AfterClearV2(address,(bytes32,bytes32,bytes32,bytes32))"),
        (
            TAKE_ORDER_V3,
            f"TakeOrderV3(address,({_V4},uint256,uint256,(address,bytes32[],bytes)[]),bytes32,bytes32)",
        ),
    ],
)
def test_a_topic_is_the_hash_of_its_signature(topic, signature):
    assert signature_of(topic) == signature
    assert "0x" + keccak(text=signature).hex() == topic


def test_every_followed_topic_is_of_one_kind():
    assert sorted(FOLLOWED) == sorted([*CLEARS, *TAKES, *AFTER_CLEARS]) == sorted(EVENT_NAMES)


def test_the_amounts_of_a_clear_have_the_topic_of_its_generation():
    assert after_clear_topic_of(CLEAR_V2) == AFTER_CLEAR
    assert after_clear_topic_of(CLEAR_V3) == AFTER_CLEAR_V2
