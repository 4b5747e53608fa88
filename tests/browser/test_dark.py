"""In the dark: a machine that is set to dark gets dark pages, on which everything can still be read."""

import pytest

from tests.browser.installation import OPERATOR
from tests.browser.looking import ADMIN, DESK, go_to, name_of
from tests.browser.test_accessibility import found_by_axe

CONTRAST = ["wcag143", "wcag141"]
DARKEST = 0.12
"""So light may a dark page's ground be, of 1."""

LIGHTNESS = """element => {
    const dot = document.createElement("canvas").getContext("2d");
    dot.fillStyle = getComputedStyle(element).backgroundColor;
    dot.fillRect(0, 0, 1, 1);
    const [red, green, blue] = dot.getImageData(0, 0, 1, 1).data;
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}"""


def test_pages_are_dark_and_can_be_read(open_as, picture):
    page = open_as(OPERATOR, color_scheme="dark")
    for where in (*DESK, *ADMIN):
        go_to(page, where)
        picture(page, f"dark-{name_of(where)}")

        assert page.locator("body").evaluate(LIGHTNESS) < DARKEST, where
        assert found_by_axe(page, CONTRAST) == [], where


@pytest.mark.parametrize("where", ["/", "/admin/"])
def test_they_are_light_otherwise(page, where):
    page.goto(where)

    assert page.locator("body").evaluate(LIGHTNESS) > 1 - DARKEST
