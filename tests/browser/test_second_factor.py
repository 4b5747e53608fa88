"""A second factor: somebody sets up an authenticator and signs in by its codes, as they do it at the page."""

import re
from base64 import b32decode

from django_otp.oath import totp
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.installation import NEWCOMER, OPERATOR
from tests.browser.signing import sign_in
from tests.browser.test_accessibility import EVERYTHING, WCAG, found_by_axe
from tests.browser.test_phone import widths


def shown(key: str, *, later: int = 0) -> str:
    """The six digits of an authenticator that was told this key."""
    return f"{totp(b32decode(key.replace(' ', '')), drift=later):06}"


def say(page, code, button):
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name=button).click()


def test_an_authenticator_is_set_up_and_its_codes_sign_in(installation, open_as, picture):
    page = open_as(None)
    sign_in(page, NEWCOMER, installation.password)

    # From the desk to the page, and from there on with what it shows.
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("button", name="Set up an authenticator").click()
    expect(page.locator("#picture svg")).to_be_visible()
    box = page.locator("#picture svg").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 150
    assert found_by_axe(page, WCAG) == []
    picture(page, "second-factor-key")
    key = page.locator("#key").inner_text()
    say(page, shown(key), "Confirm by this code")
    expect(page.locator("#recovery-codes li")).to_have_count(8)
    recovery = page.locator("#recovery-codes li").first.inner_text()
    assert found_by_axe(page, WCAG) == []
    picture(page, "second-factor-recovery-codes")

    # What was shown once is gone.
    page.goto("/admin/second-factor/")
    expect(page.get_by_text("8 recovery codes are left")).to_be_visible()
    assert key not in page.content()
    assert recovery not in page.content()

    # The password alone opens nothing any more; the next code does.
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, NEWCOMER, installation.password, at="/failed/")
    expect(page).to_have_url(f"{installation.url}/admin/login/code/")
    assert found_by_axe(page, WCAG) == []
    picture(page, "second-factor-code")
    page.goto("/")
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto("/admin/login/code/")
    say(page, shown(key, later=1), "Go on")
    expect(page).to_have_url(re.compile(r"/failed/$"))
    expect(page.get_by_role("heading", name="Failed trades")).to_be_visible()

    # On another machine a recovery code does, and a code that was used does not.
    elsewhere = open_as(None)
    sign_in(elsewhere, NEWCOMER, installation.password)
    say(elsewhere, recovery, "Go on")
    expect(elsewhere).to_have_url(f"{installation.url}/")
    again = open_as(None)
    sign_in(again, NEWCOMER, installation.password)
    say(again, recovery, "Go on")
    expect(again.get_by_text("That is not the code of this moment")).to_be_visible()


def test_the_way_there_and_the_page_fit_a_phone(open_as, picture):
    phone = open_as(OPERATOR, viewport=PHONE, has_touch=True, is_mobile=True)

    phone.goto("/")
    assert found_by_axe(phone, EVERYTHING) == []
    assert widths(phone) == [PHONE["width"]] * 2
    phone.get_by_role("link", name="Second factor").tap()
    expect(phone.get_by_role("button", name="Set up an authenticator")).to_be_visible()
    assert widths(phone) == [PHONE["width"]] * 2
    phone.get_by_role("button", name="Set up an authenticator").tap()
    expect(phone.locator("#picture svg")).to_be_in_viewport(ratio=1)
    picture(phone, "phone-second-factor")
    assert widths(phone) == [PHONE["width"]] * 2
