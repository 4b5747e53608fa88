"""The older engine, run: what comes in of it is what its fills and filled orders add up to."""

import random
from decimal import Decimal

import pytest

from tests.support.commands import run
from tests.support.foreign import Foreign
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.ledger.tables import TradeAccumulator

pytestmark = pytest.mark.django_db

TOLERANCE = 0.001
HEDGED = {"BUY": "SELL", "SELL": "BUY"}
SIGNED = {"BUY": 1, "SELL": -1}


class OlderEngine:
    """Counts, hedges, links and fails as the older installation did: in doubles, and with its defects."""

    def __init__(self):
        self.left = {"BUY": 0.0, "SELL": 0.0}
        self.trades, self.orders, self.links = [], [], []
        self.pending = None

    def fill(self, side, amount):
        self.trades.append((side, amount))
        self.left[side] += amount
        if self.pending is None and not self._hedge():
            # Not enough fills to link the order to: the fill was rolled back with it, and its log tried for ever.
            self.trades.pop()
            self.left[side] -= amount

    def end(self, status):
        if self.pending is not None:
            self.orders[self.pending - 1][2] = status  # A failed one gives back neither shares nor links.
            self.pending = None

    def net(self):
        """What our position should be: fills on chain, and what the broker filled."""
        on_chain = sum(SIGNED[side] * Decimal(repr(amount)) for side, amount in self.trades)
        return on_chain + sum(SIGNED[side] * shares for side, shares, status in self.orders if status == "FILLED")

    def write(self, path):
        old = Foreign(path)
        for n, (side, amount) in enumerate(self.trades, start=1):
            old.trade(side, amount, n=n)
        for side, shares, status in self.orders:
            old.order(side, shares, status=status)
        for trade, order, shares in self.links:
            old.link(trade, order, shares)
        old.position(long=self.left["BUY"], short=self.left["SELL"], pending_execution_id=self.pending)
        return old

    def _hedge(self):
        net = self.left["BUY"] - self.left["SELL"]
        shares, side = int(abs(net)), "SELL" if net > 0 else "BUY"
        if not shares:
            return True
        links, needed = [], float(shares)
        for trade, (of, amount) in enumerate(self.trades, start=1):
            open_shares = amount - sum(linked for other, _, linked in self.links if other == trade)
            if of == HEDGED[side] and open_shares > TOLERANCE and needed > TOLERANCE:
                links.append((trade, len(self.orders) + 1, min(open_shares, needed)))
                needed -= min(open_shares, needed)
        if needed > TOLERANCE:
            return False
        self.orders.append([side, shares, "PENDING"])
        self.pending = len(self.orders)
        self.links += links
        self.left[HEDGED[side]] -= shares
        return True


@pytest.mark.parametrize("seed", range(6))
def test_what_comes_in_is_what_fills_and_filled_orders_add_up_to(seed, tmp_path, monkeypatch):
    monkeypatch.setenv("LEDGER", "legacy")
    monkeypatch.delenv("LEGACY_PROJECTION", raising=False)
    monkeypatch.delenv("HEDGE_THRESHOLD", raising=False)
    chance, engine = random.Random(seed), OlderEngine()
    for _ in range(20):
        if chance.random() < 0.35:
            engine.end(chance.choice(["FILLED", "FAILED"]))
        else:
            # Eighths, which doubles add up exactly.
            engine.fill(chance.choice(["BUY", "SELL"]), chance.randint(1, 24) / 8)
    assert engine.orders

    run("migrate_to_events", "--from", engine.write(tmp_path / "old.sqlite3").path, "--yes")

    position = TradeAccumulator.objects.get()
    assert (position.net_position, position.pending_execution_id) == (engine.net(), engine.pending)
    assert list(compare(Mode.DUAL)) == []
