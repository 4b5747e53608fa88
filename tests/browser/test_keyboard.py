"""By keyboard alone: everything is reached, in the order in which it stands, and one sees where one is."""

from playwright.sync_api import expect

from tests.browser.installation import OPERATOR
from tests.browser.signing import sign_in

REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter(one => one.tabIndex >= 0 && !one.disabled && one.type !== "hidden" && one.checkVisibility())
    .map(one => one.outerHTML.slice(0, 120))"""
FOCUSED = "() => document.activeElement.outerHTML.slice(0, 120)"
SHOWS_FOCUS = """() => {
    const style = getComputedStyle(document.activeElement);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return document.activeElement.matches(":focus-visible") && outlined;
}"""


def test_everything_on_the_desk_is_reached_in_its_order_and_shows_that_it_is(open_as):
    page = open_as(OPERATOR)
    page.goto("/")
    page.get_by_role("button", name="Pause updates").click()  # So that nothing comes or goes meanwhile.
    page.locator("body").evaluate("body => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }")

    wanted, reached = page.evaluate(REACHABLE), []
    for _ in wanted:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        assert page.evaluate(SHOWS_FOCUS), reached[-1]

    assert reached == wanted


def test_the_first_key_offers_to_skip_what_every_page_begins_with(open_as):
    page = open_as(OPERATOR)
    for where in ("/", "/admin/trading/offchaintrade/"):
        page.goto(where)
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).not_to_be_in_viewport()

        page.keyboard.press("Tab")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")

        assert page.evaluate("document.querySelector('#content').contains(document.activeElement)"), where


def test_a_kill_switch_is_thrown_without_a_mouse(installation, open_as):
    page = open_as(None)
    sign_in(page, OPERATOR, installation.password, at="/admin/trading/killswitch/add/")
    page.get_by_label("Scope").focus()
    page.keyboard.type("symbol")
    page.keyboard.press("Tab")
    page.keyboard.type("BRK.B")
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.get_by_label("Reason").evaluate("one => one === document.activeElement"):
            break
    page.keyboard.type("by keyboard")
    while not page.evaluate("document.activeElement.matches('button, [type=submit]')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    row = page.get_by_role("row").filter(has_text="by keyboard")
    expect(row).to_contain_text("BRK.B")
