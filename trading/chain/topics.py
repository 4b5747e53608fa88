"""Topics: the events of the OrderBook that we follow. No parameter is indexed: everything lies in the data."""

CLEAR_V2 = "0x692ee69af2843c70772be93470669f3c73e583316a047b6bfefdae5629de37ce"
AFTER_CLEAR = "0x3f20e55919cca701abb2a40ab72542b25ea7eed63a50f979dd2cd3231e5f488d"
TAKE_ORDER_V2 = "0x10de99b9032184587540c04e1850dff94a7683ae1fcc9eb06098621c739c0275"
# A later revision of the interface typed the signed context bytes32[]: the same bytes under another topic.
TAKE_ORDER_V2_BYTES32 = "0xdb6a7f7c95db17afba67ed8b030afd2d087b130ec173b9f15ccde01097dd9353"
CLEAR_V3 = "0x6fa7f4c28634b0a9d6831401c45ae468195fb63aed07308935c35374ff5d9e39"
AFTER_CLEAR_V2 = "0xd9fa84dd790c969daa5c33d8050dc06b4a9b59d5b42e2be5f5e8ae20447f618d"
TAKE_ORDER_V3 = "0x194f1feb3b4d7076a2c272e774e792e0c48bb8c7aa1a9a3671c1cd6da9e6b4c1"

EVENT_NAMES = {
    CLEAR_V2: "ClearV2",
    AFTER_CLEAR: "AfterClear",
    TAKE_ORDER_V2: "TakeOrderV2",
    TAKE_ORDER_V2_BYTES32: "TakeOrderV2",
    CLEAR_V3: "ClearV3",
    AFTER_CLEAR_V2: "AfterClearV2",
    TAKE_ORDER_V3: "TakeOrderV3",
}

CLEARS = frozenset({CLEAR_V2, CLEAR_V3})
AFTER_CLEARS = frozenset({AFTER_CLEAR, AFTER_CLEAR_V2})
TAKES = frozenset({TAKE_ORDER_V2, TAKE_ORDER_V2_BYTES32, TAKE_ORDER_V3})

FOLLOWED = list(EVENT_NAMES)
"""Every topic that we follow, as the first place of a node's filter."""

_EVALUABLE = "(address,address,bytes)"
_ORDER_V3 = f"(address,{_EVALUABLE},(address,uint8,uint256)[],(address,uint8,uint256)[],bytes32)"
_ORDER_V4 = f"(address,{_EVALUABLE},(address,bytes32)[],(address,bytes32)[],bytes32)"

# The canonical types of each event's parameters, in order.
EVENT_TYPES: dict[str, tuple[str, ...]] = {
    CLEAR_V2: ("address", _ORDER_V3, _ORDER_V3, "(uint256,uint256,uint256,uint256,uint256,uint256)"),
    AFTER_CLEAR: ("address", "(uint256,uint256,uint256,uint256)"),
    TAKE_ORDER_V2: (
        "address",
        f"({_ORDER_V3},uint256,uint256,(address,uint256[],bytes)[])",
        "uint256",
        "uint256",
    ),
    TAKE_ORDER_V2_BYTES32: (
        "address",
        f"({_ORDER_V3},uint256,uint256,(address,bytes32[],bytes)[])",
        "uint256",
        "uint256",
    ),
    CLEAR_V3: ("address", _ORDER_V4, _ORDER_V4, "(uint256,uint256,uint256,uint256,bytes32,bytes32)"),
    AFTER_CLEAR_V2: ("address", "(bytes32,bytes32,bytes32,bytes32)"),
    TAKE_ORDER_V3: (
        "address",
        f"({_ORDER_V4},uint256,uint256,(address,bytes32[],bytes)[])",
        "bytes32",
        "bytes32",
    ),
}

_AFTER_CLEAR_OF = {CLEAR_V2: AFTER_CLEAR, CLEAR_V3: AFTER_CLEAR_V2}


def after_clear_topic_of(clear_topic: str) -> str:
    """Tell which topic carries the amounts of a clear. Raises KeyError where the topic is no clear's."""
    return _AFTER_CLEAR_OF[clear_topic]


def signature_of(topic0: str) -> str:
    """Write an event's canonical signature, of which its topic is the hash."""
    return f"{EVENT_NAMES[topic0]}({','.join(EVENT_TYPES[topic0])})"
