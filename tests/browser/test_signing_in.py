"""Signing in: who is let in, who is not, and what is seen then."""

from playwright.sync_api import expect

from tests.browser.installation import CHIEF, OPERATOR
from tests.browser.signing import sign_in

TOO_MANY = 5


def test_who_knows_the_password_comes_to_the_page_that_was_asked_for(installation, open_as, picture):
    page = open_as(None)
    page.goto("/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    picture(page, "login")

    sign_in(page, CHIEF, installation.password)

    expect(page).to_have_url(f"{installation.url}/")
    expect(page.get_by_role("heading", name="Desk", exact=True)).to_be_attached()


def test_a_wrong_password_is_refused_and_opens_nothing(installation, open_as):
    page = open_as(None)

    sign_in(page, OPERATOR, f"{installation.password}!")

    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
    page.goto("/admin/trading/offchaintrade/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_after_too_many_wrong_passwords_nobody_guesses_on(open_as, watch, picture):
    page = open_as(None)

    for _ in range(TOO_MANY):
        sign_in(page, "nobody", "guessed")

    expect(page.get_by_role("heading", name="Too many tries")).to_be_visible()
    picture(page, "locked-out")
    assert watch.take("429")


def test_who_signs_out_is_out(installation, open_as):
    page = open_as(None)
    sign_in(page, OPERATOR, installation.password)

    page.get_by_role("button", name="Sign out").click()

    page.goto("/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_desk_that_is_open_when_its_session_ends_says_so(installation, open_as, watch):
    page = open_as(None)
    sign_in(page, OPERATOR, installation.password)
    expect(page.get_by_text("Up to date")).to_be_visible()

    page.context.clear_cookies()

    expect(page.get_by_text("You are signed out: load the page again to sign in.")).to_be_visible()
    assert watch.take("401")
