"""Looking: which pages are looked at on a phone, in the dark, and by axe; and where each of them is."""

import re

from playwright.sync_api import Page

DESK = ("/", "/failed/", "/decisions/", "/symbols/AAPL/", "/orders/1/", "failed decision's story")
ADMIN = (
    "/admin/",
    "/admin/trading/notice/",
    "/admin/trading/offchaintrade/",
    "newest order",
    "recheck",
    "/admin/trading/killswitch/add/",
    "/admin/trading/restrictedsymbol/add/",
    "/admin/audit_trail/tradedecision/",
    "failed decision",
    "/admin/audit_trail/apicalllog/",
    "/admin/eventstore/storedevent/",
    "timeline",
    "/admin/reports/day/",
    "/admin/reports/trade/",
)


def go_to(page: Page, where: str) -> None:
    """Open a page by its address, or one that has another address in each installation by what it is."""
    match where:
        case "newest order":
            _first(page, "/admin/trading/offchaintrade/")
        case "recheck":
            page.goto("/admin/trading/offchaintrade/")
            number = page.locator("#result_list tbody tr").first.get_by_role("link").first.inner_text()
            page.goto(f"/admin/trading/operatorrequest/ask/recheck_order/?subject={number}")
        case "failed decision's story":
            page.goto("/failed/")
            page.get_by_role("row").filter(has_text="decision of").get_by_role("link", name="story").first.click()
        case "failed decision":
            _first(page, "/admin/audit_trail/tradedecision/?status=failed")
        case "timeline":
            _first(page, "/admin/trading/tradeaccumulator/")
            page.locator("#content").get_by_role("link", name="timeline").click()
        case _:
            page.goto(where)
    page.wait_for_load_state()


def name_of(where: str) -> str:
    """Its name as a file."""
    return re.sub(r"[^a-z0-9]+", "-", where.removeprefix("/admin/").lower()).strip("-") or where.strip("/") or "desk"


def _first(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
