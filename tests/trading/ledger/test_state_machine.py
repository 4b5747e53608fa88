"""One story of fills and hedges in three modes of the ledger: after each step all tell the same, and what is right.

A story is drawn against an account of it, and played at its end: in each mode from the beginning, in books that are
taken back. So what is drawn never depends on the code that is looked at. The product's invariants are asked after each
fourth step, and in a longer run after each.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.support.books import books
from tests.support.machines import EXAMPLES, PATIENCE_SECONDS, Machine, play
from tests.support.stations import MODES, fresh_books
from tests.trading.ledger.account import Account, Known, Refusal, of_books
from tests.trading.ledger.agreement import story
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.states import AMOUNTS, SIDES
from tests.trading.ledger.steps import Steps, tx_hash
from trading.invariants.ends import fills_only_grow, state_has_its_facts
from trading.invariants.exposure import net_is_what_was_filled
from trading.invariants.looking import Look
from trading.invariants.memories import links_add_up, log_is_as_recorded, memories_agree
from trading.invariants.orders import (
    broker_order_is_one_intent,
    one_open_order_a_symbol,
    order_was_meant_before_it_was_sent,
)
from trading.ledger import backlog, mode
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.mode import Mode
from trading.offchain_order import queries as order_queries
from trading.position import queries as position_queries
from trading.position.aggregate import Position
from trading.position.commands import UpdateThreshold
from trading.values.arithmetic import EXACT
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.thresholds import threshold

TOKENS = {"tAAPL": "AAPL", "AAPL0x": "AAPL", "wtMSFT": "MSFT"}
USUAL = st.sampled_from(["0.5", "1", "1.5", "2.25", "3", "12.000000000000000001"]).map(Decimal)
SHARES = st.one_of(USUAL, USUAL, USUAL, AMOUNTS)
PARTS = st.sampled_from(["-0.5", "0", "0.25", "0.5", "0.5", "1", "1", "1.5"]).map(Decimal)
WHICH = st.integers(0, 20)
HOLDING = (
    one_open_order_a_symbol,
    broker_order_is_one_intent,
    order_was_meant_before_it_was_sent,
    state_has_its_facts,
    net_is_what_was_filled,
    links_add_up,
    fills_only_grow,
    memories_agree,
    log_is_as_recorded,
)
"""The invariants that ledger steps alone can keep: no station queued a log, and no gate let anything through."""


class Step(NamedTuple):
    told: str
    act: Callable[[Steps], object]
    refusal: Refusal
    known: Known
    """What must be in the books after it."""


class BrokeOff(Exception):
    """A station gave up in the middle of a group."""


class LedgerMachine(Machine):
    faults: ClassVar[Faults]

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.story: list[Step] = []
        self.tokens: list[str] = []

    def then(self, told: str, act: Callable[[Steps], object], refusal: Refusal = None) -> None:
        self.story.append(Step(told, act, refusal, self.account.known()))

    @initialize(side=SIDES, begins=st.sampled_from(["with nothing", "netted", "hedged", "partly filled"]))
    def begins(self, side: Side, begins: str) -> None:
        """Steps that are drawn blindly seldom come so far."""
        if begins == "with nothing":
            return
        self.fill("tAAPL", side, Decimal("3.5"), False, True)
        if begins == "netted":
            self.fill("tAAPL", Side.BUY if side is Side.SELL else Side.SELL, Decimal("1.25"), False, True)
        self.hedge(["AAPL"], True)
        if begins == "partly filled":
            self.report(0, Decimal("0.5"), "partially_filled", True)

    # Chain

    @rule(token=st.sampled_from(sorted(TOKENS)), side=SIDES, amount=SHARES, late=st.booleans(), priced=st.booleans())
    def fill(self, token: str, side: Side, amount: Decimal, late: bool, priced: bool) -> None:
        """A fill in the next block, or in one before those that are known."""
        place = len(self.account.fills)
        self.tokens.append(token)
        refusal = self.account.fill(TOKENS[token], side, amount)
        self.then(f"fill {place}", witness(place, token, side, amount, block(place, late), priced), refusal)

    @precondition(lambda self: self.account.fills)
    @rule(which=WHICH, amount=SHARES, priced=st.booleans())
    def fill_again(self, which: int, amount: Decimal, priced: bool) -> None:
        place = which % len(self.account.fills)
        side = self.account.fills[place].side
        refusal = self.account.fill_again(place, side, amount)
        act = witness(place, self.tokens[place], side, amount, block(place) + 500, priced)
        self.then(f"fill {place} again", act, refusal)

    @precondition(lambda self: self.account.fills)
    @rule(which=WHICH)
    def reorg(self, which: int) -> None:
        place = which % len(self.account.fills)
        refusal = self.account.reorg(place)
        self.then(f"reorg {place}", lambda steps: steps.reorg(trade(place)), refusal)

    @precondition(lambda self: self.account.fills)
    @rule(which=WHICH)
    def enrich(self, which: int) -> None:
        place = which % len(self.account.fills)
        refusal = self.account.enrich(place)
        self.then(f"enrich {place}", lambda steps: steps.enrich(trade(place)), refusal)

    @precondition(lambda self: self.account.fills)
    @rule(token=st.sampled_from(sorted(TOKENS)), side=SIDES, amount=SHARES)
    def fill_beside_what_breaks_off(self, token: str, side: Side, amount: Decimal) -> None:
        """In one commit a group that comes to nothing halfway, and a fill that counts."""
        place, known = len(self.account.fills), self.account.fills[0].symbol
        self.tokens.append(token)
        self.account.fill(TOKENS[token], side, amount)

        def act(steps: Steps) -> None:
            with steps.step() as step:
                with suppress(BrokeOff), step.group("breaks off"):
                    lower = UpdateThreshold(threshold=threshold("0.25 shares"), reason="never")
                    step.handle(Position, known, lower)
                    raise BrokeOff
                at = {"block": block(place), "log_index": place, "tx": tx_hash(f"fill {place}")}
                steps.fill_in(step, side, amount, token, **at)

        self.then(f"fill {place} beside what breaks off", act)

    # Hedges

    @precondition(lambda self: self.account.fills)
    @rule(symbols=st.permutations(sorted(set(TOKENS.values()))), submitted=st.booleans())
    def hedge(self, symbols: list[str], submitted: bool) -> None:
        for symbol in symbols:
            before = set(self.account.orders)
            self.account.hedge(symbol)
            placed = sorted(set(self.account.orders) - before)
            self.then(f"hedge {symbol}", places(symbol, placed))
            if submitted and placed:
                self.submit_order(placed[0])

    @precondition(lambda self: self.account.orders)
    @rule(which=WHICH)
    def submit(self, which: int) -> None:
        self.submit_order(self.order(which))

    def submit_order(self, number: int) -> None:
        refusal = self.account.submit(number)
        self.then(f"submit {number}", lambda steps: steps.submit(number), refusal)

    @precondition(lambda self: self.account.orders)
    @rule(which=WHICH, more=PARTS, told=st.sampled_from(["partially_filled", "filled", "cancelled", "failed"]),
          priced=st.booleans())  # fmt: skip
    def report(self, which: int, more: Decimal, told: str, priced: bool) -> None:
        """The broker has filled some more, all of it, or too much; or it names fewer shares than before."""
        number, filled = self.filled(which, more)
        refusal = self.account.report(told, number, filled)
        price = "101.5" if priced else None

        def act(steps: Steps) -> object:
            match told:
                case "partially_filled":
                    return steps.partly_fill(number, filled, price)
                case "filled":
                    return steps.complete(number, filled, price)
                case "cancelled":
                    return steps.cancel(number, filled)
                case _:
                    return steps.fail(number, filled)

        self.then(f"order {number} is {told} with {filled}", act, refusal)

    @precondition(lambda self: self.account.orders)
    @rule(which=WHICH)
    def fill_whole(self, which: int) -> None:
        """The usual end."""
        number = self.order(which)
        whole = Decimal(int(self.account.orders[number].shares))
        refusal = self.account.report("filled", number, whole)
        self.then(f"order {number} is filled", lambda steps: steps.complete(number), refusal)

    @precondition(lambda self: self.account.orders)
    @rule(which=WHICH, more=PARTS)
    def fill_late(self, which: int, more: Decimal) -> None:
        number, filled = self.filled(which, more)
        refusal = self.account.fill_late(number, filled)
        self.then(f"order {number} filled {filled} late", lambda steps: steps.fill_late(number, filled), refusal)

    # The event store, of which the legacy rows must not depend in `dual`

    @rule(kind=st.sampled_from(["before", "after", "sql", "view", "AAPL"]), times=st.integers(1, 4))
    def event_store_fails(self, kind: str, times: int) -> None:
        def act(steps: Steps) -> None:
            if steps.ledger.mode is Mode.DUAL:
                self.faults.fail(kind, times=times)

        self.then(f"the event store fails {kind} {times}", act)

    @rule()
    def event_store_works(self) -> None:
        self.then("drain", self.drain)

    def drain(self, steps: Steps) -> None:
        self.faults.stop()
        backlog.drain(now=steps.now, regardless=True)

    # Which

    def order(self, which: int) -> int:
        """Mostly the one that is newest."""
        return max(1, len(self.account.orders) - which // 5)

    def filled(self, which: int, more: Decimal) -> tuple[int, Decimal]:
        number = self.order(which)
        known = self.account.orders[number].filled
        return number, EXACT.add(Decimal(known.numerator) / Decimal(known.denominator), more)

    # Playing it

    def teardown(self) -> None:
        told = {each: self.played(each) for each in MODES}
        assert told[Mode.DUAL] == told[Mode.LEGACY]
        assert told[Mode.EVENTS] == told[Mode.LEGACY]

    def played(self, ledger_mode: Mode) -> list[Any]:
        with fresh_books():
            told, steps = [], Steps(ledger_mode)
            try:
                for place, step in enumerate(self.story):
                    try:
                        told.append(after(step, steps))
                        if EXAMPLES or place % 4 == 3:
                            hold_invariants(steps)
                    except Exception as error:
                        error.add_note(f"in mode {ledger_mode}, step {place}: {step.told}")
                        raise
                self.drain(steps)
                hold_invariants(steps)
                return [*told, books(steps.ledger)]
            finally:
                self.faults.stop()


def after(step: Step, steps: Steps) -> Any:
    """Take a step, hold what must be in the books then, and return all that their own memory tells."""
    if step.refusal is None:
        step.act(steps)
    else:
        with pytest.raises(step.refusal):
            step.act(steps)

    told = story(steps.ledger)
    assert of_books(*told) == (step.known.nets, step.known.under_way, step.known.orders)
    standing = [(fill.stands, fill.is_enriched) for fill in step.known.fills]
    memory = steps.ledger.memory()
    found = [memory.trade(trade(place)) for place in range(len(standing))]
    assert [(each.stands, each.gas is not None) for each in found] == standing
    if steps.ledger.mode is not Mode.LEGACY and not BackloggedEvent.objects.exists():
        hold_queries(step.known)
    return told, found


def hold_invariants(steps: Steps) -> None:
    look = Look(mode=steps.ledger.mode, now=steps.now + timedelta(minutes=1))
    assert [str(each) for invariant in HOLDING for each in invariant.violations(look)] == []


def hold_queries(known: Known) -> None:
    """What is asked of the views is answered as the account would."""
    under_way = position_queries.with_order_under_way()
    assert {row.symbol: row.pending_execution_id for row in under_way} == known.under_way
    assert {row.symbol for row in position_queries.not_flat()} == {s for s, net in known.nets.items() if net}
    pending = [row.execution_id for row in order_queries.pending()]
    assert pending == sorted(known.under_way.values(), reverse=True)
    for symbol in known.nets:
        newest_first = [row.execution_id for row in order_queries.of_symbol(symbol=symbol)]
        assert newest_first == sorted((n for n, o in known.orders.items() if o.symbol == symbol), reverse=True)


def trade(place: int) -> TradeId:
    return TradeId(tx_hash(f"fill {place}"), place)


def block(place: int, late: bool = False) -> int:
    return 1000 - place if late else 1000 + place


def witness(place: int, token: str, side: Side, amount: Decimal, block: int, priced: bool) -> Callable[[Steps], object]:
    price = "100" if priced else None
    return lambda steps: steps.fill(
        side, amount, token, block=block, log_index=place, price=price, tx=tx_hash(f"fill {place}")
    )


def places(symbol: str, expected: list[int]) -> Callable[[Steps], None]:
    def act(steps: Steps) -> None:
        placed = steps.hedge(symbol)
        assert ([] if placed is None else [placed]) == expected

    return act


@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.django_db
def test_one_story_is_told_alike_in_three_modes(monkeypatch):
    LedgerMachine.faults = Faults(monkeypatch)
    mode.ensure_installation()
    mode.Installation.objects.update(last_order_number=0)
    play(LedgerMachine, stories=5, steps=25)
