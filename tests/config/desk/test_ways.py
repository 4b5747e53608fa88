"""Ways: from the admin's rows to their stories and back, and from the desk to both."""

import pytest
from django.contrib.auth.models import Permission

from config.admin_site import UNFOLD
from tests.config.desk.looking import content_links, links
from tests.support import decided
from tests.support import factories as make
from tests.trading.admin.pages import page_of

pytestmark = pytest.mark.django_db


def stories():
    decision = decided.decision()
    order = make.order(id=7)
    position = make.position(symbol="BRK.B")
    return [
        (position, "/symbols/BRK.B/"),
        (order, "/orders/7/"),
        (decision, f"/decisions/{decision.decision_id}/"),
    ]


def test_a_row_of_the_admin_leads_to_its_story_and_the_story_back(boss):
    for row, story in stories():
        assert story in links(boss.get(page_of(row)))
        assert page_of(row) in content_links(boss.get(story))


def test_the_rows_of_views_lead_there_too(boss):
    assert "/symbols/AAPL/" in links(boss.get(page_of(make.position_view(symbol="AAPL"))))
    assert "/orders/8/" in links(boss.get(page_of(make.order_view(execution_id=8))))


def test_who_may_not_see_a_story_is_not_led_to_it(client, django_user_model):
    someone = django_user_model.objects.create_user("someone", is_staff=True)
    someone.user_permissions.add(Permission.objects.get(codename="view_positionview"))
    client.force_login(someone)

    answer = client.get(page_of(make.position_view(symbol="AAPL")))

    assert answer.status_code == 200
    assert "/symbols/AAPL/" not in links(answer)


def test_the_board_leads_to_stories(boss):
    make.position(symbol="AAPL", pending_execution=make.open_order(id=7), pending_side="SELL", pending_shares=1)

    found = content_links(boss.get("/"))

    assert {"/symbols/AAPL/", "/orders/7/"} <= set(found)


def test_the_lists_stand_in_the_sidebar_of_the_admin_and_on_every_page_of_the_desk(boss, settings):
    settings.UNFOLD = UNFOLD

    for address in ("/admin/", "/", "/failed/"):
        assert {"/failed/", "/decisions/"} <= set(links(boss.get(address))), address
