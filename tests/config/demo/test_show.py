"""What the demo shows: numbers cut for the eye, steps in words, tables on a terminal, warnings in one line."""

import io
import logging
from decimal import Decimal

import pytest
import structlog
from rich.console import Console

from config.demo.chain import EmbeddedChain
from config.demo.market import Market
from config.demo.show import Screen, WarningsOn, amount, dollars, in_words, signed, told
from config.demo.steps import Clear, ForeignPair, Reorg, Several, Stranger, Take, dust
from config.logs import Redactor
from trading.ledger.legacy import LegacyMemory
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.position.aggregate import Position
from trading.values.sides import Side

ORDER = OffchainOrder(
    order_id=7, state=OrderState.PLACED, symbol="AAPL", side=Side.SELL, broker="dry_run", requested_shares=Decimal(2)
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0.0000 "),
        ("1.5", "+1.5000 "),
        ("-2.37412345", "-2.3741…"),
        # Too little to be seen, and there.
        ("0.000000000001", "+0.0000…"),
        ("-0.000000000001", "+0.0000…"),
    ],
)
def test_a_number_that_was_cut_says_so(value, shown):
    assert signed(Decimal(value)) == shown


def test_shares_and_dollars():
    assert amount(Decimal("1234.5")) == "1234.5000 "
    assert dollars(Decimal("1234.567")) == "$1,234.56…"


def test_a_step_in_words():
    take = Take("AAPL", Side.BUY, Decimal("1.5"), Decimal(271))
    steps = [
        take,
        Clear("GME", Side.SELL, Decimal(2), Decimal(20), 4, None),
        Stranger("AAPL", Side.BUY, Decimal(1), Decimal(271)),
        ForeignPair("AAPL", Side.BUY, Decimal(1), Decimal("0.09"), 4),
        dust("GME", Side.SELL, 4),
        Several((take, take)),
        Take("TSLA", Side.SELL, Decimal("0.25"), Decimal(391), fleeting=True),
        Reorg(),
    ]
    with EmbeddedChain() as chain:
        market = Market(chain)
        lines = [line for step in steps for line in told(step, market.play(step))]

    assert lines == [
        "take: bought 1.5000 AAPL for $406.50",
        "clear among strangers: sold 2.0000 GME for $40.00",
        "take among strangers: bought 1.0000 AAPL for $271.00",
        "take for something other than USDC: bought 1.0000 AAPL, unpriced",
        "take: sold 0.0000… GME, unpriced",
        "2 in one transaction",
        "  bought 1.5000 AAPL for $406.50",
        "  bought 1.5000 AAPL for $406.50",
        "take: sold 0.2500 TSLA for $97.75",
        "reorganised: 1 fill gone, 0 back in other blocks",
    ]


def test_an_order_in_words(replaced):
    assert in_words(ORDER) == "sell 2.0000 AAPL: placed"
    partly = replaced(state=OrderState.PARTIALLY_FILLED, filled_shares=Decimal(1), average_price_usd=Decimal(271))
    assert in_words(partly) == "sell 2.0000 AAPL: partially filled, 1.0000 filled at $271.00"
    filled = replaced(state=OrderState.FILLED, filled_shares=Decimal(2), average_price_usd=Decimal(271))
    assert in_words(filled) == "sell 2.0000 AAPL: filled at $271.00"


def test_a_terminal_shows_tables_in_place_and_keeps_them_at_the_end(replaced):
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=30, _environ={"TERM": "xterm"})
    books = Books([Position(symbol="AAPL", accumulated_long=Decimal("1.5"), onchain_bought=Decimal("1.5"))], [ORDER])

    with Screen(console, lambda: books, footer="the password") as screen:
        screen.update()
        live = output.getvalue()
    screen.tables()

    assert "the password" in live
    assert "+1.5000" in live
    assert "AAPL" in output.getvalue()[len(live) :]


def test_lines_tell_of_a_hedge_once_for_each_change(replaced):
    console = Console(file=io.StringIO(), width=100)
    books = Books([], [ORDER])
    screen = Screen(console, lambda: books)
    for order in (ORDER, ORDER, replaced(state=OrderState.SUBMITTED)):
        books.found = [order]
        screen._looked_at = float("-inf")
        screen.update()

    lines = console.file.getvalue().splitlines()
    assert [line[10:] for line in lines] == [
        "hedge  7  sell 2.0000 AAPL: placed",
        "hedge  7  sell 2.0000 AAPL: submitted",
    ]


def test_a_warning_is_one_line_without_secrets_and_with_its_traceback():
    console = Console(file=io.StringIO(), width=20)
    logger = logging.getLogger("tests.show")
    logger.propagate = False
    logger.handlers = [WarningsOn(console, Redactor({"SECRET_KEY": "hunter2"}))]
    log = structlog.get_logger("tests.show")

    log.info("Not worth a line")
    log.warning("Order not dispatched yet", order_id=7, reason="hunter2", tx="0x" + "ab" * 32)
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("Failed")
    logger.error("plain %s", "words")

    lines = [line[10:] if line[2:3] == ":" else line for line in console.file.getvalue().splitlines()]
    assert lines[0] == "warning: Order not dispatched yet (order id 7, reason ***, tx 0xabababab…)"
    assert lines[1:3] == ["error: Failed", "Traceback (most recent call last):"]
    assert lines[-2:] == ["ValueError: why", "error: plain words"]


class Books(LegacyMemory):
    """A memory that says what it was told to."""

    def __init__(self, positions, orders):
        super().__init__()
        self.told, self.found = positions, orders

    def positions(self):
        return self.told

    def orders(self, states):
        return self.found

    def recently_ended(self, *, since):
        return []


@pytest.fixture
def replaced():
    from msgspec.structs import replace

    return lambda **fields: replace(ORDER, **fields)
