"""Explaining, in the browser alone: why a trade failed, and what data led to one."""

import re

from playwright.sync_api import expect

from tests.browser.installation import OPERATOR

EXECUTED = "/admin/audit_trail/tradedecision/?status=executed"


def test_a_failed_trade_tells_why_and_what_was_sent_and_came_back(open_as, picture):
    page = open_as(OPERATOR)
    page.goto("/")
    today = page.get_by_role("region", name="Decisions of today")
    expect(today).to_contain_text("1 failed")
    failed = today.get_by_role("listitem").filter(has_text="failed")
    expect(failed).to_contain_text("insufficient buying power")

    failed.get_by_role("link").click()

    wrong = page.get_by_role("region", name="It failed")
    expect(wrong).to_contain_text(re.compile(r"Alpaca rejected htd-\S+: insufficient buying power \(403"))
    expect(wrong).to_contain_text("A failed decision is never tried again")
    picture(page, "a-failed-decision")
    wrong.get_by_role("link", name="What was said").click()
    call = page.get_by_role("article").filter(has_text="submit: POST")
    expect(call).to_be_in_viewport()
    expect(call).to_contain_text("HTTP 403")
    expect(call.get_by_label("Request")).to_contain_text('"client_order_id": "htd-')
    expect(call.get_by_label("Response")).to_contain_text('"message": "insufficient buying power"')
    picture(page, "what-was-said")


def test_it_is_among_the_failed_trades_and_the_decisions_to_look_at(open_as):
    page = open_as(OPERATOR)
    for where in ("/failed/", "/decisions/"):
        page.goto(where)

        row = page.get_by_role("row").filter(has_text="insufficient buying power")
        row.get_by_role("link", name=re.compile("story|buy MSFT")).first.click()

        expect(page.get_by_role("region", name="It failed")).to_be_visible()


def test_the_admin_tells_the_same_of_it(open_as, picture):
    page = open_as(OPERATOR)
    page.goto("/admin/audit_trail/tradedecision/?to_look_at=yes")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("insufficient_buying_power")
    rows.get_by_role("link").first.click()

    page.get_by_role("link", name="its executions").click()
    expect(rows).to_have_count(1)
    rows.get_by_role("link").first.click()

    expect(page.locator("pre")).to_have_count(2)
    sent, received = page.locator("pre").all()
    expect(sent).to_contain_text('"client_order_id": "htd-')
    expect(received).to_contain_text('"message": "insufficient buying power"')
    expect(page.get_by_text("403", exact=True)).to_be_visible()
    picture(page, "a-failed-execution")


def test_a_decision_leads_to_the_record_as_it_was_received(open_as, picture):
    page = open_as(OPERATOR)
    page.goto(EXECUTED)
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    page.locator("#main").get_by_role("link", name=re.compile("story", re.IGNORECASE)).first.click()
    symbol = re.search(r"(?:buy|sell) (\S+) on", page.title()).group(1)

    rests_on = page.get_by_role("region", name="What it rests on")
    record = rests_on.get_by_role("row").filter(has_text="signal").first
    record.get_by_text("Row", exact=True).click()
    expect(record.locator("pre")).to_contain_text(symbol)
    picture(page, "what-a-decision-rests-on")
    record.get_by_role("link").first.click()

    received = page.locator("pre").last
    expect(received).to_contain_text(f'"Ticker": "{symbol}"')
    picture(page, "a-record-as-it-was-received")


def test_a_trades_lineage_is_asked_for_by_its_id(open_as, picture):
    page = open_as(OPERATOR)
    page.goto(EXECUTED)
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    decision = page.get_by_text(re.compile(r"^[0-9a-f]{8}-[0-9a-f-]{27}$")).first.inner_text()

    page.goto("/admin/reports/trade/")
    page.get_by_label("trade").fill(decision)
    page.get_by_role("button", name="Show").click()

    told = page.locator("pre").last
    for word in ('"runs"', '"records"', '"executions"', decision):
        expect(told).to_contain_text(word)
    picture(page, "a-trades-lineage")
