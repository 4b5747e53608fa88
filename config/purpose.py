"""Purpose: whether an installation hedges, or only decides."""

import os

from config.environment import ORDERBOOK_ADDRESS
from trading.conductor.checkpoints import ChainCheckpoint


def hedges() -> bool:
    """Whether fills are hedged here: an order book is named, or one was read already.

    So a variable that got lost does not turn an installation that hedges into one that has nothing to hedge.
    """
    return bool(os.environ.get(ORDERBOOK_ADDRESS.name, "").strip()) or ChainCheckpoint.objects.exists()
