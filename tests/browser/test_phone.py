"""On a phone: nothing is wider than the screen, and lists can be used."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.installation import CHIEF, OPERATOR
from tests.browser.looking import ADMIN, DESK, go_to, name_of


@pytest.fixture
def phone(open_as):
    return open_as(OPERATOR, viewport=PHONE, has_touch=True, is_mobile=True)


def widths(page):
    """How wide the page is, and how wide the screen."""
    return page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")


@pytest.mark.parametrize("pages", [DESK, ADMIN], ids=["desk", "admin"])
def test_no_page_scrolls_sideways(phone, picture, pages):
    for where in pages:
        go_to(phone, where)

        wide, screen = widths(phone)
        picture(phone, f"phone-{name_of(where)}")
        assert screen == PHONE["width"], where
        assert wide == screen, where


def test_no_form_of_an_administrator_scrolls_sideways(open_as, picture):
    phone = open_as(CHIEF, viewport=PHONE, has_touch=True, is_mobile=True)
    phone.goto("/admin/")
    forms = phone.eval_on_selector_all("a[href$='/add/']", "links => links.map(link => link.getAttribute('href'))")

    assert {"/admin/django_q/schedule/add/", "/admin/auth/user/add/"} <= set(forms)
    too_wide = []
    for where in sorted(set(forms)):
        go_to(phone, where)
        picture(phone, f"phone-{name_of(where)}")
        wide, screen = widths(phone)
        if wide > screen:
            too_wide.append((where, wide, screen))
    assert too_wide == []


def test_a_page_that_is_too_wide_would_be_seen(phone):
    phone.goto("/")
    phone.evaluate("document.getElementById('freshness').style.minWidth = '500px'")

    wide, screen = widths(phone)

    assert wide > screen


def test_a_list_is_found_by_the_menu_and_searched(phone, picture):
    phone.goto("/admin/")
    phone.locator("#main").get_by_text("dock_to_right").locator("visible=true").tap()
    orders = phone.get_by_role("link", name=re.compile(r"\bOrders$"))  # Its icon is a word in a font of icons.
    expect(orders).to_be_in_viewport()
    picture(phone, "phone-menu")
    orders.tap()

    search = phone.get_by_role("textbox", name="Type to search").or_(phone.locator("#searchbar")).first
    rows = phone.locator("#result_list tbody tr")
    symbol = rows.last.locator(".field-symbol").inner_text().split()[-1]
    search.fill(symbol)
    search.press("Enter")

    expect(phone).to_have_url(re.compile(r"\?q="))
    expect(rows.first).to_contain_text(symbol)
    expect(rows.filter(has_not_text=symbol)).to_have_count(0)
    picture(phone, "phone-search")
