"""Limits: what no portfolio goes beyond, whatever is signalled. Rows: Q3, Q8, Q16; B-str-2."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.strategies.limits import limit
from audit_trail.strategies.netting import Netted
from audit_trail.strategies.records import BlockedSymbol
from audit_trail.strategies.signals import Reason
from audit_trail.strategies.targets import Target, exposure
from audit_trail.strategies.volatility import MarketView, RangeSource
from tests.audit_trail.strategies.situations import NOW, TODAY, d, limits, signal
from trading.values.symbols import Symbol


def target(symbol: str, usd: str | int | Decimal, *, score: str | Decimal = "1") -> Target:
    value, said = Decimal(usd), Decimal(score)
    view = MarketView(
        symbol=Symbol(symbol),
        price_usd=d(10),
        priced_on=TODAY,
        atr_usd=d(1),
        atr_source=RangeSource.BARS,
        sessions=15,
        volume_20d_avg=None,
        records=(),
        known_at=NOW,
    )
    signed = said if value > 0 else -said
    netted = Netted(symbol=Symbol(symbol), score=signed, signals=(signal("congressional", signed, symbol),))
    return Target(symbol=Symbol(symbol), value_usd=value, sized_usd=value, netted=netted, origins=(), market=view)


def held_to(*targets, equity: str | int = 100_000, blocked=(), taken: str | int = 0, **given):
    return limit(targets, equity_usd=d(equity), limits=limits(**given), blocked=blocked, taken_usd=d(taken))


def values(limited) -> dict[str, Decimal]:
    return {one.symbol: one.value_usd for one in limited.targets}


def reasons(limited) -> dict[str, Reason]:
    return {one.symbol: one.reason for one in limited.dropped}


def test_a_position_is_capped_and_says_so():
    limited = held_to(target("AAPL", 18_000), target("MSFT", 15_000))

    assert values(limited) == {"AAPL": d(15_000), "MSFT": d(15_000)}
    assert [one.limited_by for one in limited.targets] == [("max_position_pct",), ()]
    assert [one.sized_usd for one in limited.targets] == [d(18_000), d(15_000)]


def test_a_short_position_is_capped_and_stays_short():
    assert values(held_to(target("AAPL", -18_000), enable_shorts=True)) == {"AAPL": d(-15_000)}


@pytest.mark.parametrize("enabled", [False, True])
def test_shorts_are_there_only_where_they_are_enabled(enabled):
    limited = held_to(target("AAPL", -8_000), target("MSFT", 8_000), enable_shorts=enabled)

    assert ("AAPL" in values(limited)) is enabled
    assert reasons(limited) == ({} if enabled else {"AAPL": Reason.SHORTS_DISABLED})


@pytest.mark.parametrize(("usd", "kept"), [("500", True), ("499.99", False), ("500.009", True), ("0.001", False)])
def test_what_is_not_worth_having_is_told(usd, kept):
    limited = held_to(target("AAPL", usd))

    assert ("AAPL" in values(limited)) is kept
    assert reasons(limited) == ({} if kept else {"AAPL": Reason.BELOW_MINIMUM})


def test_a_blocked_symbol_is_told_with_why_and_until_when():
    blocked = [
        BlockedSymbol(symbol=Symbol("AAPL"), reason="not tradable", expires_at=NOW + timedelta(days=7)),
        BlockedSymbol(symbol=Symbol("MSFT"), reason="told so by an operator", expires_at=None),
    ]

    limited = held_to(target("AAPL", 8_000), target("MSFT", 8_000), target("BRK.B", 8_000), blocked=blocked)

    assert values(limited) == {"BRK.B": d(8_000)}
    assert [(one.reason, one.text) for one in limited.dropped] == [
        (Reason.BLOCKED, "blocked until 2026-01-23T15:00:00+00:00: not tradable"),
        (Reason.BLOCKED, "blocked until further notice: told so by an operator"),
    ]


def test_all_together_are_made_to_fit_by_one_factor():
    ten = [target(f"S{letter}", 15_000) for letter in "ABCDEFGHIJ"]

    limited = held_to(*ten)

    assert set(values(limited).values()) == {d(9_500)}
    assert {one.limited_by for one in limited.targets} == {("cash_buffer_pct",)}


def test_what_stays_as_it_is_takes_its_part_of_the_room():
    assert values(held_to(target("AAPL", 15_000), taken=90_000)) == {"AAPL": d(5_000)}
    assert reasons(held_to(target("AAPL", 15_000), taken=95_000)) == {"AAPL": Reason.NO_ROOM}
    assert reasons(held_to(target("AAPL", 15_000), taken=200_000)) == {"AAPL": Reason.NO_ROOM}


def test_where_there_is_not_room_for_all_the_weakest_gives_way_and_of_equals_the_last():
    strong, weak = target("ZZZ", 1_000, score="0.9"), target("AAA", 1_000, score="0.5")
    also_weak = target("BBB", 1_000, score="0.5")

    # Room for 1,900: three would have 633.33 each, below a minimum of 900.
    limited = held_to(strong, weak, also_weak, equity=2_000, max_position_pct=d(1), min_position_value_usd=d(900))

    assert values(limited) == {"AAA": d(950), "ZZZ": d(950)}
    assert reasons(limited) == {"BBB": Reason.NO_ROOM}


def test_an_account_on_which_nothing_is_worth_having_has_a_reason_for_each():
    limited = held_to(*(target(f"S{letter}", 400) for letter in "ABCDE"), equity=1_000)

    assert limited.targets == ()
    assert set(reasons(limited).values()) == {Reason.BELOW_MINIMUM}
    assert len(limited.dropped) == 5


@pytest.mark.parametrize(
    ("name", "value", "targets"),
    [
        ("max_position_pct", d("0.1"), [target("AAPL", 15_000)]),
        ("cash_buffer_pct", d("0.95"), [target("AAPL", 15_000)]),
        ("min_position_value_usd", d(20_000), [target("AAPL", 15_000)]),
        ("enable_shorts", True, [target("AAPL", -15_000)]),
    ],
)
def test_each_limit_changes_what_is_held(name, value, targets):
    assert values(held_to(*targets)) != values(held_to(*targets, **{name: value}))


AMOUNTS = st.decimals("-30000", "30000", places=4).filter(lambda amount: amount != 0)
SCORES = st.decimals("0.1", 1, places=2)
PARTS = st.decimals("0.01", 1, places=2)


@settings(deadline=None)
@given(
    wanted=st.dictionaries(
        st.text("ABCDEFGHIJ", min_size=1, max_size=2), st.tuples(AMOUNTS, SCORES), min_size=1, max_size=25
    ),
    equity=st.decimals(100, 200_000, places=2),
    most=PARTS,
    buffer=st.decimals(0, "0.99", places=2),
    least=st.sampled_from([d(0), d(1), d(500)]),
    shorts=st.booleans(),
    blocked=st.sets(st.text("ABCDEFGHIJ", min_size=1, max_size=2), max_size=5),
    taken=st.decimals(0, 50_000, places=2),
    seed=st.randoms(),
)
def test_whatever_is_wanted_no_limit_is_exceeded_and_nothing_vanishes(
    wanted, equity, most, buffer, least, shorts, blocked, taken, seed
):
    targets = [target(symbol, usd, score=score) for symbol, (usd, score) in wanted.items()]
    shuffled = list(targets)
    seed.shuffle(shuffled)
    blocks = [BlockedSymbol(symbol=Symbol(symbol), reason="blocked", expires_at=None) for symbol in sorted(blocked)]
    given = limits(max_position_pct=most, cash_buffer_pct=buffer, min_position_value_usd=least, enable_shorts=shorts)

    limited = limit(targets, equity_usd=equity, limits=given, blocked=blocks, taken_usd=taken)

    assert limit(shuffled, equity_usd=equity, limits=given, blocked=blocks, taken_usd=taken) == limited
    found = exposure([one.value_usd for one in limited.targets], equity)
    room = max(d(0), equity * (1 - buffer) - taken)
    assert found.long_usd + found.short_usd <= room
    assert found.long_usd <= equity * (1 - buffer)
    by_symbol = {one.symbol: one for one in targets}
    for one in limited.targets:
        before = by_symbol[one.symbol].value_usd
        assert abs(one.value_usd) <= equity * most
        assert abs(one.value_usd) >= least
        assert d(0) < abs(one.value_usd) <= abs(before)
        assert (one.value_usd > 0) is (before > 0)
        assert shorts or one.value_usd > 0
        assert one.symbol not in blocked
    kept = {one.symbol for one in limited.targets}
    assert kept | {one.symbol for one in limited.dropped} == set(wanted)
    assert len(limited.targets) + len(limited.dropped) == len(wanted)
