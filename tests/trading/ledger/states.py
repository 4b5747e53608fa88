"""States as hypothesis draws them: every shape that an aggregate's state can have, with up to 68 digits."""

import string
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from trading.offchain_order.aggregate import ENDS, OffchainOrder, OrderState
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import Filled, Gas, Migrated, PythPrice
from trading.position.aggregate import Position
from trading.position.events import LastPrice, PendingOrder
from trading.values.arithmetic import EXACT
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.thresholds import DollarThreshold, SharesThreshold

LARGEST = 2**63 - 1


def decimals(digits=68, places=(-100, 20)):
    """More than zero, of up to so many digits."""
    return st.builds(
        lambda number, place: Decimal(number).scaleb(place, EXACT),
        st.integers(1, 10**digits - 1),
        st.integers(*places),
    )


AMOUNTS = decimals()
QUANTITIES = st.just(Decimal(0)) | AMOUNTS
PRICES = decimals(digits=40, places=(-40, 0))
AVERAGES = st.none() | decimals(digits=40, places=(-30, -30)) | st.just(Decimal(0))
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SIDES = st.sampled_from(Side)
SYMBOLS = st.text(string.ascii_uppercase + ".-/", min_size=1, max_size=32)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64).map("0x{}".format)
TRADES = st.builds(TradeId, HEX, st.integers(0, 10**18 - 1))
THRESHOLDS = st.builds(SharesThreshold, decimals(30, (-20, 0))) | st.builds(DollarThreshold, decimals(30, (-20, 0)))
ORDER_IDS = st.integers(1, LARGEST)

_FILL = {
    "symbol": SYMBOLS,
    "token_symbol": st.text(string.ascii_letters + string.digits, min_size=1, max_size=64),
    "side": SIDES,
    "amount": AMOUNTS,
    "price_usdc": st.none() | PRICES,
    "block_timestamp": TIMES,
}
_ONCHAIN = {
    "usdc": QUANTITIES,
    "amount_raw": HEX | st.integers(0, 2**256 - 1).map(str),
    "usdc_raw": HEX | st.integers(-(2**255), 2**255).map(str),
    "block_number": st.integers(0, LARGEST),
    "block_hash": HEX,
}

TRADE_STATES = st.builds(
    OnChainTrade,
    trade=TRADES,
    fill=st.builds(Filled, **_FILL, **_ONCHAIN)
    | st.builds(Migrated, **_FILL, **{name: st.none() | values for name, values in _ONCHAIN.items()}),
    gas=st.none()
    | st.builds(Gas, gas_used=st.integers(0, LARGEST), effective_gas_price=st.none() | st.integers(0, LARGEST)),
    pyth=st.none()
    | st.builds(
        PythPrice,
        feed_id=st.none() | HEX,
        price=QUANTITIES | AMOUNTS.map(Decimal.copy_negate),
        confidence=QUANTITIES,
        exponent=st.integers(-30, 30),
        publish_time=TIMES,
    ),
    reorged=st.booleans(),
)

POSITION_STATES = st.builds(
    Position,
    symbol=SYMBOLS,
    threshold=st.none() | THRESHOLDS,
    accumulated_long=QUANTITIES,
    accumulated_short=QUANTITIES,
    onchain_bought=QUANTITIES,
    onchain_sold=QUANTITIES,
    broker_bought=QUANTITIES,
    broker_sold=QUANTITIES,
    adjusted=QUANTITIES | AMOUNTS.map(Decimal.copy_negate),
    pending=st.none()
    | st.builds(PendingOrder, order_id=ORDER_IDS, side=SIDES, shares=AMOUNTS, filled_shares=QUANTITIES),
    last_price=st.none()
    | st.builds(
        LastPrice,
        price_usdc=PRICES,
        block_timestamp=TIMES,
        block_number=st.integers(0, LARGEST),
        log_index=st.integers(0, LARGEST),
    ),
)

AT_BROKER = {OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED}


@st.composite
def order_states(draw):
    """Only what rows may hold: who is at the broker has its id there, who has ended has a time of it."""
    state = draw(st.sampled_from(sorted(set(OrderState) - {OrderState.NOT_PLACED})))
    return OffchainOrder(
        order_id=draw(ORDER_IDS),
        state=state,
        symbol=draw(SYMBOLS),
        side=draw(SIDES),
        broker=draw(st.sampled_from(["schwab", "alpaca", "dry_run"])),
        requested_shares=draw(AMOUNTS),
        accepted_shares=draw(st.none() | QUANTITIES),
        filled_shares=draw(QUANTITIES),
        average_price_usd=draw(AVERAGES),
        client_order_id=draw(st.none() | WORDS),
        attempt=draw(st.integers(1, 2**31 - 1)),
        broker_order_id=draw(WORDS if state in AT_BROKER else st.none() | WORDS),
        reason=draw(st.none() | WORDS),
        placed_at=draw(st.none() | TIMES),
        sending_at=draw(st.none() | TIMES),
        submitted_at=draw(st.none() | TIMES),
        ended_at=draw(TIMES) if state in ENDS else None,
    )


ORDER_STATES = order_states()
