"""Alerts in the admin: what was told where, and how something is sent once more, with a reason."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit_trail.alerts.models import AlertDelivery
from tests.audit_trail.alerts.rounds import EVENING, NIGHT, Desk
from tests.support.alerted import channel, delivery
from tests.support.factories import NOON, notice
from tests.trading.admin.conftest import clerk, operator  # noqa: F401  # fixtures
from tests.trading.admin.pages import links_in, list_of, page_of, rows_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(name="at_the_desk")
def _at_the_desk(operator):  # noqa: F811
    return operator


def again(row):
    return reverse("admin:audit_trail_alertdelivery_again", args=[row.pk])


def test_from_a_notice_a_link_leads_to_where_it_was_told(at_the_desk):
    told = delivery()
    delivery()

    page = at_the_desk.get(page_of(told.notice))

    assert [told] in [rows_in(at_the_desk.get(link)) for link in links_in(page) if "alertdelivery/?notice" in link]


def test_what_was_given_up_is_one_filter_with_its_error(at_the_desk):
    lost = delivery()
    delivery(state="sent", last_error=None)

    answer = at_the_desk.get(list_of("audit_trail.alertdelivery"), {"state": "failed"})

    assert rows_in(answer) == [lost]
    assert "error=500" in text_of(answer)


def test_sent_again_it_is_a_row_of_its_own_with_who_and_why_and_goes_out_even_when_it_is_quiet(at_the_desk):
    desk = Desk(manner=NIGHT, at=EVENING)
    its_channel = channel(name=desk.told.name, first_seen_at=EVENING)
    lost = delivery(channel=its_channel, severity="warning", notice=notice(kind="ingestion_failed"))
    assert again(lost) in at_the_desk.get(page_of(lost)).content.decode()
    assert "told once more" in text_of(at_the_desk.get(again(lost)))

    answer = at_the_desk.post(again(lost), {"reason": " nobody saw it "})

    new = AlertDelivery.objects.latest("id")
    assert answer.url == page_of(new)
    assert (new.turn, new.state, new.asked_by, new.reason) == (1, "pending", "operator", "nobody saw it")
    lost.refresh_from_db()
    assert lost.state == "failed"
    AlertDelivery.objects.filter(pk=new.pk).update(created_at=desk.at, next_attempt_at=desk.at)
    desk.round()
    assert desk.titles == [f"warning: ingestion_failed {lost.notice.subject}"]


def test_what_waits_already_is_not_sent_again(at_the_desk):
    lost = delivery()
    for _ in range(2):
        answer = at_the_desk.post(again(lost), {"reason": "nobody saw it"})

    assert AlertDelivery.objects.count() == 2
    assert "it waits to be sent already" in text_of(answer)
    assert again(lost) not in at_the_desk.get(page_of(lost)).content.decode()


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_sent_again(at_the_desk, reason):
    lost = delivery()

    answer = at_the_desk.post(again(lost), {"reason": reason})

    assert answer.status_code == 200
    assert AlertDelivery.objects.count() == 1


def test_a_summary_is_sent_again_too(at_the_desk):
    lost = delivery(about="summary", summary_day="2026-03-02", severity="warning")

    at_the_desk.post(again(lost), {"reason": "for the auditor"})

    assert AlertDelivery.objects.filter(summary_day="2026-03-02", created_at__gt=NOON).count() == 1


def test_who_may_only_look_is_offered_nothing_and_can_send_nothing(clerk):  # noqa: F811
    lost = delivery()
    clerk.user.user_permissions.add(Permission.objects.get(codename="view_alertdelivery"))

    assert again(lost) not in clerk.get(page_of(lost)).content.decode()
    assert clerk.post(again(lost), {"reason": "because"}).status_code == 403
    assert AlertDelivery.objects.count() == 1
