"""Every page that the sidebar links to opens, asks for nothing that it can't have, and complains of nothing."""

import pytest

from tests.browser.pages import groups


@pytest.mark.parametrize("group", groups())
def test_each_page_of_the_sidebar_opens_without_a_complaint(page, watch, picture, group):
    for one in groups()[group]:
        answer = page.goto(one.address)

        assert answer.ok, one.address
        assert answer.url.endswith(one.address), "it leads elsewhere"
        picture(page, one.name)
        assert watch.troubles == [], one.address
