"""What holds of every page of the admin, whatever it shows."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.admin_site import UNFOLD
from eventstore.read_only import ReadOnlyAdmin
from tests.trading.admin.pages import CONTROLS, ROWS, SINGLE, list_of, page_of, rows_in, text_of
from trading import models

pytestmark = pytest.mark.django_db

MODELS = sorted(ROWS)
OURS = sorted(model for model in ROWS if model not in {"trading.dryrunorder", "eventstore.storedevent"})


def test_every_model_of_the_app_is_shown():
    shown = {model._meta.label_lower for model in admin.site._registry}
    # An outage of the dry run is seen from its order.
    assert {getattr(models, name)._meta.label_lower for name in models.__all__} - shown == {"trading.dryrunoutage"}
    assert shown >= set(ROWS)


def test_every_model_of_ours_is_read_only():
    assert [m for m in OURS if not isinstance(admin_of(m), ReadOnlyAdmin)] == []


@pytest.mark.parametrize("model", MODELS)
def test_the_list_shows_its_rows(operator, model):
    row = ROWS[model]()

    answer = operator.get(list_of(model))

    assert answer.status_code == 200
    assert row in rows_in(answer)


@pytest.mark.parametrize("model", OURS)
def test_no_cell_of_a_sound_row_is_unreadable(operator, model):
    row = ROWS[model]()

    assert "unreadable" not in text_of(operator.get(list_of(model)))
    assert "unreadable" not in text_of(operator.get(page_of(row)))


@pytest.mark.parametrize("model", MODELS)
def test_the_page_of_a_row_is_there(operator, model):
    assert operator.get(page_of(ROWS[model]())).status_code == 200


@pytest.mark.parametrize("model", sorted(set(MODELS) - CONTROLS))
def test_nothing_can_be_added_changed_or_deleted(operator, model):
    row = ROWS[model]()
    before = type(row).objects.filter(pk=row.pk).values().get()
    add = reverse(f"admin:{model.replace('.', '_')}_add")
    delete = page_of(row).replace("/change/", "/delete/")

    for url in (add, page_of(row), delete):
        assert operator.post(url, {"symbol": "TSLA", "post": "yes"}).status_code == 403, url
    for url in (add, delete):
        assert operator.get(url).status_code == 403, url
    assert type(row).objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", OURS)
def test_no_action_can_be_posted_to_a_list(operator, model):
    row = ROWS[model]()

    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}

    assert operator.post(list_of(model), chosen).status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS)
def test_a_user_without_permissions_sees_nothing(clerk, model):
    row = ROWS[model]()

    assert clerk.get(list_of(model)).status_code == 403
    assert clerk.get(page_of(row)).status_code == 403


def test_the_index_of_a_user_without_permissions_names_no_model(clerk, settings):
    settings.UNFOLD = UNFOLD

    seen = clerk.get(reverse("admin:index")).content.decode()

    assert [model for model in MODELS if list_of(model) in seen] == []


@pytest.mark.parametrize("model", MODELS)
def test_a_user_who_may_look_sees_rows_and_no_more(clerk, model):
    row = ROWS[model]()
    app, name = model.split(".")
    clerk.user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=f"view_{name}"))

    assert row in rows_in(clerk.get(list_of(model)))
    assert clerk.get(page_of(row)).status_code == 200
    assert clerk.post(page_of(row), {}).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_who_is_not_logged_in_is_sent_to_the_login(client, model):
    row = ROWS[model]()

    for url in (list_of(model), page_of(row)):
        assert client.get(url).headers["Location"] == f"{reverse('admin:login')}?next={url}"


@pytest.mark.parametrize("model", sorted(set(MODELS) - SINGLE))
def test_a_list_of_50_rows_takes_as_many_queries_as_one_of_5(operator, model):
    for _ in range(5):
        ROWS[model]()
    few = queries(operator, list_of(model))
    for _ in range(45):
        ROWS[model]()

    assert queries(operator, list_of(model)) == few
    assert few <= 8


@pytest.mark.parametrize("model", OURS)
def test_every_filter_and_choice_answers(operator, model):
    row = ROWS[model]()
    answer = operator.get(list_of(model))

    found = 0
    for spec in answer.context["cl"].filter_specs:
        for choice, _ in spec.lookup_choices:
            answer = operator.get(list_of(model), {spec.parameter_name: choice})
            assert answer.status_code == 200
            found += row in rows_in(answer)
    # Each filter has one choice for each row, or two that overlap.
    assert found >= len(operator.get(list_of(model)).context["cl"].filter_specs)


@pytest.mark.parametrize("asked", ["?tx_hash=%00", "?symbol__exact=a%00b", "?q=%00"])
def test_an_address_with_a_nul_is_refused_in_words(operator, asked):
    answer = operator.get(f"/admin/trading/onchaintrade/{asked}")

    assert answer.status_code == 400
    assert "without a NUL" in answer.content.decode()


@pytest.mark.parametrize("model", OURS)
def test_any_search_answers(operator, model):
    ROWS[model]()

    for term in ("nothing-like-it", "0x", "0xABC", "12", "9" * 40, "'; --", "a b", "٣", "_%\\", "0x" + "f" * 64):
        assert operator.get(list_of(model), {"q": term}).status_code == 200, term


def test_the_sidebar_leads_to_every_model(operator, settings):
    settings.UNFOLD = UNFOLD
    links = [str(item["link"]) for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]

    assert {list_of(model._meta.label_lower) for model in admin.site._registry} - set(links) == set()
    assert [link for link in links if operator.get(link).status_code != 200] == []
    seen = text_of(operator.get(reverse("admin:index")))
    assert [title for title in titles() if title not in seen] == []


def test_the_groups_of_the_sidebar_stand_in_an_operators_order():
    assert [group["title"] for group in UNFOLD["SIDEBAR"]["navigation"]] == [
        "At risk",
        "Decisions",
        "Reports",
        "Profit",
        "Risk",
        "Chain",
        "Books",
        "Events",
        "Market intelligence",
        "Calls",
        "Housekeeping",
    ]


def titles():
    return [item["title"] for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]


def admin_of(label):
    return next(site for model, site in admin.site._registry.items() if model._meta.label_lower == label)


def queries(client, url):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
