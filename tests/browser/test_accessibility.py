"""Accessibility, as axe-core finds it: https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md"""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.installation import OPERATOR
from tests.browser.looking import ADMIN, DESK, go_to

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""What the admin must keep to. Its landmarks are the theme's, of which axe's `best-practice` would have more."""

EVERYTHING = [*WCAG, "best-practice"]

axe = Axe()


def found_by_axe(page, rules):
    """What axe has against a page, a line for each place."""
    answer = axe.run(page, options={"runOnly": {"type": "tag", "values": rules}, "resultTypes": ["violations"]})
    return [
        f"{found['id']}: {node['html'][:160]}: {node['failureSummary'][:200]}"
        for found in answer.response["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize(("pages", "rules"), [(DESK, EVERYTHING), (ADMIN, WCAG)], ids=["desk", "admin"])
def test_axe_finds_nothing(open_as, pages, rules):
    page = open_as(OPERATOR)
    for where in pages:
        go_to(page, where)

        assert found_by_axe(page, rules) == [], where


def test_nor_on_the_pages_before_one_is_signed_in(open_as):
    page = open_as(None)
    page.goto("/admin/login/")

    assert found_by_axe(page, WCAG) == []


def test_what_nobody_could_read_is_found(page):
    page.goto("/")
    page.evaluate("document.querySelector('h2').style.color = '#ddd'")

    assert any(found.startswith("color-contrast: <h2") for found in found_by_axe(page, WCAG))
