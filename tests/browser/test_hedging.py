"""Hedging, as an operator sees it happen and steps in."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LONGEST_WAIT_MS
from tests.browser.installation import OPERATOR

ORDERS = "/admin/trading/offchaintrade/"


@pytest.fixture
def desk(open_as):
    page = open_as(OPERATOR)
    page.goto("/")
    return page


def under_way(page, symbol):
    section = page.get_by_role("region", name="Hedges under way")
    return section.get_by_role("listitem").filter(has_text=symbol)


def number_of(order):
    """Our number of an order, as the desk shows it."""
    return re.search(r"order (\d+)", order.inner_text()).group(1)


def eventually(page, holds):
    """Wait, while the page lives on, until something holds."""
    until = time.monotonic() + LONGEST_WAIT_MS / 1000
    while not holds():
        assert time.monotonic() < until, "it does not come to hold"
        page.wait_for_timeout(200)


def test_a_fill_becomes_a_hedge_before_ones_eyes(installation, desk, picture):
    desk.evaluate("window.opened = 'once'")

    with installation.broker_standing_still():
        installation.fill("AAPL", "BUY", "3")
        order = under_way(desk, "AAPL")
        expect(order).to_be_visible()
        expect(order).to_contain_text(re.compile(r"sell [23] AAPL at schwab, 0 filled"))
        expect(desk.get_by_role("region", name="Exposure")).to_contain_text("hedging")
        number = number_of(order)
        picture(desk, "a-hedge-under-way")

    expect(order).to_have_count(0)
    expect(desk.get_by_role("heading", level=2).first).to_contain_text(
        re.compile("Fills are being hedged|No hedge is due")
    )
    assert desk.evaluate("window.opened") == "once", "the page was loaded anew"
    desk.goto(f"{ORDERS}{number}/change/")
    expect(desk.get_by_text("filled", exact=True).first).to_be_visible()


def test_a_kill_switch_that_is_thrown_denies_the_next_placement(installation, desk, open_as, picture):
    before = len(installation.orders_at_the_broker("NVDA"))
    switches = open_as(OPERATOR)
    switches.goto("/admin/trading/killswitch/")
    switches.get_by_title("Add kill switch").click()
    switches.get_by_label("Scope").select_option("symbol")
    switches.get_by_label("Subject").fill("NVDA")
    switches.get_by_label("Reason").fill("results are due at noon")
    picture(switches, "throwing-a-kill-switch")
    switches.get_by_role("button", name="Save", exact=True).click()
    expect(switches.get_by_role("row").filter(has_text="NVDA")).to_contain_text("on")

    installation.fill("NVDA", "BUY", "4")

    held = desk.get_by_role("region", name="Held back")
    expect(held).to_contain_text("results are due at noon")
    expect(held).to_contain_text(OPERATOR)
    expect(held.get_by_role("listitem").filter(has_text="NVDA sell")).to_contain_text("kill switch")
    picture(desk, "a-kill-switch-denies")
    assert len(installation.orders_at_the_broker("NVDA")) == before

    switches.get_by_role("row").filter(has_text="NVDA").get_by_role("link").first.click()
    switches.get_by_label("Is on").uncheck()
    switches.get_by_label("Reason").fill("they are out")
    switches.get_by_role("button", name="Save", exact=True).click()

    expect(held).not_to_contain_text("results are due")
    eventually(desk, lambda: len(installation.orders_at_the_broker("NVDA")) == before + 1)


def test_an_order_of_unknown_outcome_is_rechecked_and_found(installation, desk, open_as, picture):
    installation.fault(kind="cut_after", call="submit")
    installation.fault(kind="refuse", call="list", status=503, times=None)

    installation.fill("TSLA", "BUY", "3")

    expect(desk.get_by_text("of unknown outcome")).to_be_visible()
    number = number_of(under_way(desk, "TSLA"))
    picture(desk, "an-unknown-order")
    page = open_as(OPERATOR)
    page.goto(f"{ORDERS}{number}/change/")
    expect(page.get_by_text("unknown", exact=True).first).to_be_visible()

    installation.mend()
    page.get_by_role("link", name="Recheck").click()
    page.get_by_label("Reason").fill("the broker's own page shows it")
    picture(page, "asking-for-a-recheck")
    page.get_by_role("button", name="Recheck").click()

    expect(page.get_by_text("done", exact=True).first).to_be_visible()
    picture(page, "a-request-that-was-done")
    expect(under_way(desk, "TSLA")).to_have_count(0)
    page.goto(f"{ORDERS}{number}/change/")
    expect(page.get_by_text("filled", exact=True).first).to_be_visible()
    assert len([order for order in installation.orders_at_the_broker("TSLA") if order["state"] == "open"]) == 0
