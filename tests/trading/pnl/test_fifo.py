"""First in, first out: what each fill earned, and that no cent is lost between what is realised and what is open."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.pnl.fifo import Fill, Inventory, Lot, NoFill
from trading.values.arithmetic import ZERO, add, multiply, subtract
from trading.values.quantities import Shares, Usd, shares, usd
from trading.values.sides import Side


def fill(text: str) -> Fill:
    """Read `B100@10`: bought a hundred at ten dollars each."""
    quantity, price = (Decimal(part) for part in text[1:].split("@"))
    return Fill(
        side=Side.BUY if text[0] == "B" else Side.SELL, shares=Shares(quantity), usd=Usd(multiply(quantity, price))
    )


def played(texts: list[str]) -> list[tuple[str | None, str, str]]:
    """What each fill realised, all of it so far, and the net after."""
    inventory, cumulative, rows = Inventory(), ZERO, []
    for text in texts:
        inventory, realised = inventory.after(fill(text))
        cumulative = add(cumulative, realised or ZERO)
        told = None if realised is None else str(realised.normalize())
        rows.append((told, str(cumulative.normalize()), str(inventory.net_shares.normalize())))
    return rows


STORIES = {
    "a gain": [("B100@10", None, "0", "100"), ("S100@11", "100", "100", "0")],
    "lots at several prices": [
        ("B100@10", None, "0", "100"),
        ("B50@12", None, "0", "150"),
        ("S80@11", "80", "80", "70"),
        ("S60@9.5", "-110", "-30", "10"),
        ("B30@12.2", None, "-30", "40"),
        ("S70@12", "-6", "-36", "-30"),
        ("B20@11.5", "10", "-26", "-10"),
    ],
    "long turned short": [("B100@10", None, "0", "100"), ("S150@11", "100", "100", "-50")],
    "short turned long": [("S100@10", None, "0", "-100"), ("B150@11", "-100", "-100", "50")],
    "a short that gains": [("S100@10", None, "0", "-100"), ("B100@9", "100", "100", "0")],
    "fractions": [("B10.5@100", None, "0", "10.5"), ("S5.25@110", "52.5", "52.5", "5.25")],
    "what binary floats can't add": [
        ("B0.1@0.3", None, "0", "0.1"),
        ("B0.2@0.3", None, "0", "0.3"),
        ("S0.3@0.6", "0.09", "0.09", "0"),
    ],
    "turned twice": [
        ("B100@10", None, "0", "100"),
        ("S150@11", "100", "100", "-50"),
        ("B100@10.5", "25", "125", "50"),
        ("S75@11", "25", "150", "-25"),
    ],
    "a lot closed to its last share": [
        ("B100@10", None, "0", "100"),
        ("B50@12", None, "0", "150"),
        ("S100@11", "100", "100", "50"),
        ("S50@13", "50", "150", "0"),
    ],
    "closed in parts": [("B100@10", None, "0", "100"), ("S30@11", "30", "30", "70"), ("S40@12", "80", "110", "30")],
    "both venues": [("B100@10", None, "0", "100"), ("S50@11.00", "50", "50", "50"), ("S30@12", "60", "110", "20")],
    "three sold and half of them bought back": [
        ("S0.3@150", None, "0", "-0.3"),
        ("S0.4@151", None, "0", "-0.7"),
        ("S0.5@149", None, "0", "-1.2"),
        ("B0.6@148", "1.5", "1.5", "-0.6"),
    ],
    "a market maker's day": [
        ("S0.3@150", None, "0", "-0.3"),
        ("S0.4@151", None, "0", "-0.7"),
        ("B0.2@148", "0.4", "0.4", "-0.5"),
        ("S0.6@149", None, "0.4", "-1.1"),
        ("B1@148.5", "1.4", "1.8", "-0.1"),
        ("B1.5@147.5", "0.15", "1.95", "1.4"),
        ("S1@149", "1.5", "3.45", "0.4"),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_each_fill_earns_what_it_must(story):
    rows = STORIES[story]
    assert played([text for text, *_ in rows]) == [
        tuple(None if each is None else str(Decimal(each).normalize()) for each in told) for _, *told in rows
    ]


@pytest.mark.parametrize(("quantity", "dollars"), [("0", "1"), ("-1", "1"), ("1", "0"), ("1", "-1")])
def test_a_fill_of_nothing_or_for_nothing_is_refused(quantity, dollars):
    with pytest.raises(NoFill, match="expected shares and dollars above zero"):
        Fill(side=Side.BUY, shares=shares(quantity), usd=usd(dollars))


@pytest.mark.parametrize(("opened", "closed"), [("B1@10", "S1@11"), ("S1@10", "B1@11")])
def test_a_lot_that_is_flat_is_on_no_side(opened, closed):
    inventory, _ = Inventory().after(fill(opened))
    inventory, _ = inventory.after(fill(closed))
    assert inventory == Inventory()


def test_a_lot_closed_in_thirds_costs_all_that_it_cost():
    inventory, _ = Inventory().after(Fill(side=Side.BUY, shares=shares(3), usd=usd(1)))
    realised = []
    for _ in range(3):
        inventory, earned = inventory.after(fill("S1@1"))
        realised.append(earned)

    assert realised[0] == subtract(Decimal(1), Decimal("0." + 40 * "3"))
    assert add(add(realised[0], realised[1]), realised[2]) == 2
    assert inventory == Inventory()


@pytest.mark.parametrize(("text", "earned"), [("B2@10", "10"), ("S2@10", "-10")])
def test_what_closing_at_a_price_would_earn(text, earned):
    inventory, _ = Inventory().after(fill(text))
    assert inventory.unrealised_usd(usd(15)) == Decimal(earned)


fills = st.builds(
    Fill,
    side=st.sampled_from(Side),
    shares=st.decimals("0.000000000001", "1e9", places=12).map(Shares),
    usd=st.decimals("0.000001", "1e9", places=6).map(Usd),
)


@given(st.lists(fills, max_size=30))
def test_no_digit_is_lost_between_what_is_realised_and_what_is_open(told):
    inventory, realised, cash, net = Inventory(), ZERO, ZERO, ZERO
    for each in told:
        inventory, earned = inventory.after(each)
        realised = add(realised, earned or ZERO)
        bought = each.side is Side.BUY
        cash = subtract(cash, each.usd) if bought else add(cash, each.usd)
        net = add(net, each.shares) if bought else subtract(net, each.shares)
        # Paid for what is long, received for what is short: with what was realised that is all the cash that moved.
        open_usd = inventory.usd if inventory.side is Side.SELL else subtract(ZERO, inventory.usd)
        assert add(realised, open_usd) == cash
        assert inventory.net_shares == net
        assert all(lot.shares > 0 and lot.usd >= 0 for lot in inventory.lots)


@pytest.mark.parametrize(("opened", "closed", "earned"), [("B", "S", "1"), ("S", "B", "-1")])
def test_a_fill_that_closes_the_oldest_lot_and_no_more_leaves_the_next_one_open(opened, closed, earned):
    inventory = Inventory()
    for text in (f"{opened}1@10", f"{opened}2@20", f"{opened}3@30"):
        inventory, _ = inventory.after(fill(text))
    inventory, realised = inventory.after(fill(f"{closed}1@11"))

    assert realised == Decimal(earned)
    assert inventory == Inventory(fill(f"{opened}1@1").side, (Lot(shares(2), usd(40)), Lot(shares(3), usd(90))))


def test_a_lot_that_is_closed_as_a_whole_costs_what_it_cost_to_the_last_digit():
    cost = usd("10." + "1" * 60)  # More digits than a share of it would have.
    inventory, _ = Inventory().after(Fill(side=Side.BUY, shares=shares(3), usd=cost))
    _, realised = inventory.after(fill("S3@5"))

    assert realised == subtract(Decimal(15), cost)
