"""What the watch complains of when the browser gives a request up: only what the page that asked for it still lacks."""

SIGN_IN = "/admin/login/"
SCRIPT = "**/script-of-the-test.js"
ASK_FOR_IT = """
document.head.append(Object.assign(document.createElement("script"), { src: "/static/script-of-the-test.js" }))
"""


def test_a_script_that_is_under_way_when_its_page_is_left_is_missed_by_nobody(open_as, watch):
    page = open_as(None)
    page.goto(SIGN_IN)
    page.route(SCRIPT, lambda route: None)  # it is never answered
    with page.expect_request(SCRIPT):
        page.evaluate(ASK_FOR_IT)

    with page.expect_event("requestfailed"):
        page.goto(f"{SIGN_IN}?next=/failed/")

    assert watch.troubles == []


def test_a_script_that_is_given_up_on_the_page_that_asked_for_it_is_complained_of(open_as, watch):
    page = open_as(None)
    page.goto(SIGN_IN)
    page.route(SCRIPT, lambda route: route.abort("aborted"))

    with page.expect_event("requestfailed"):
        page.evaluate(ASK_FOR_IT)

    assert len(watch.take("failed: GET", "script-of-the-test.js: net::ERR_ABORTED")) == 1
