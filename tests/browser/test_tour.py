"""The tour: no page is missing in it, and no picture."""

from tests.browser.pages import sidebar
from tests.browser.tour import PICTURES, TOUR, stops, written

MOST_BYTES = 3_000_000


def test_the_tour_says_what_each_page_shows():
    assert TOUR.read_text() == written(), "write it anew: python -m tests.browser.tour"


def test_each_page_of_the_sidebar_has_a_stop_and_each_stop_a_sentence_and_a_picture():
    found = [stop for group in stops().values() for stop in group]

    assert {page.address for page in sidebar()} <= {stop.address for stop in found}
    assert [stop.name for stop in found if len(stop.sentence.split()) < 3] == []
    pictures = {path.stem for path in PICTURES.glob("*.jpg")}
    assert pictures == {stop.name for stop in found} | {"desk-phone"}


def test_the_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_BYTES
