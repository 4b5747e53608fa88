"""Explaining, in the browser alone: why a trade failed, and what data led to one."""

import re

from playwright.sync_api import expect

from tests.browser.installation import OPERATOR

DECISIONS = "/admin/audit_trail/tradedecision/"


def test_a_failed_trade_tells_why_and_what_was_sent_and_came_back(open_as, picture):
    page = open_as(OPERATOR)
    page.goto("/")
    today = page.get_by_role("region", name="Decisions of today")
    expect(today).to_contain_text("1 failed")
    expect(today.get_by_role("listitem").filter(has_text="failed")).to_contain_text("insufficient buying power")

    page.goto(f"{DECISIONS}?to_look_at=yes")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("insufficient_buying_power")
    picture(page, "decisions-to-look-at")
    rows.get_by_role("link").first.click()
    expect(page.get_by_text(re.compile(r"Alpaca rejected .*: insufficient buying power \(403"))).to_be_visible()
    picture(page, "a-failed-decision")

    page.get_by_role("link", name="its executions").click()
    rows = page.locator("#result_list tbody tr")
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
    page.goto(f"{DECISIONS}?status=executed")
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    symbol = re.search(r": (?:BUY|SELL) (\S+) on", page.title()).group(1)
    decision = page.get_by_text(re.compile(r"^[0-9a-f]{8}-[0-9a-f-]{27}$")).first.inner_text()

    page.get_by_role("link", name="records that it rests on").click()
    record = page.locator("#result_list tbody tr").filter(has_text="quiver_").first
    record.locator(".field-its_record").get_by_role("link").click()

    received = page.locator("pre").last
    expect(received).to_contain_text(f'"Ticker": "{symbol}"')
    picture(page, "a-record-as-it-was-received")

    page.goto("/admin/reports/trade/")
    page.get_by_label("trade").fill(decision)
    page.get_by_role("button", name="Show").click()
    told = page.locator("pre").last
    for word in ('"runs"', '"records"', '"executions"', f'"{symbol}"'):
        expect(told).to_contain_text(word)
    picture(page, "a-trades-lineage")
