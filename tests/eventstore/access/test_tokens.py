"""Tokens: shown once, kept as a hash, and good for what they are for until they are not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from eventstore.access.tokens import ApiToken, NotAToken, NotLetIn, make_token, revoke_token, token_of
from tests.support.api import PROBLEM, refused, token_for, told

pytestmark = pytest.mark.django_db

NOTICES = "/api/v1/notices/"


@pytest.fixture
def user(django_user_model):
    return django_user_model.objects.create_superuser("anna")


def let_in(client, text):
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client


def test_a_token_lets_in_and_notes_that_it_was_used(client, user):
    let_in(client, token_for(user, "notices:read"))

    assert told(client, "notices/") == {"results": [], "next_cursor": None, "next": None}

    assert ApiToken.objects.get().last_used_at is not None


def test_what_is_kept_of_a_token_is_no_token(user):
    text = token_for(user)

    kept = " ".join(map(str, ApiToken.objects.values_list().get()))

    # The secret may have the sign in it that stands before it.
    assert text.split("_", 2)[2] not in kept
    with pytest.raises(NotLetIn):
        token_of(f"htk_{ApiToken.objects.get().key}_{ApiToken.objects.get().digest[:43]}", at=timezone.now())


def test_use_is_noted_once_a_minute(client, user, django_assert_num_queries):
    let_in(client, token_for(user))
    client.get(NOTICES)

    with django_assert_num_queries(2):  # The token with its user, and the rows.
        client.get(NOTICES)


@pytest.mark.parametrize(
    "text",
    ["", "x", "htk_", "htk_222222222222_" + "a" * 43, "htk_222222222222_" + "ä" * 43, "a" * 5000, "htk__\u0663"],
)
def test_a_text_that_is_no_token_is_refused_and_not_repeated(client, text):
    problem = refused(let_in(client, text), "notices/", 401)

    assert problem["code"] == "token_unknown"
    assert len(text) < 6 or text not in str(problem)


def test_a_wrong_secret_opens_nothing_though_the_key_is_right(client, user):
    text = token_for(user)
    wrong = text[:-1] + ("a" if text[-1] != "a" else "b")

    assert refused(let_in(client, wrong), "notices/", 401)["code"] == "token_unknown"


def test_a_revoked_token_opens_nothing(client, user):
    let_in(client, token_for(user))
    key = ApiToken.objects.get().key
    revoke_token(key, at=timezone.now())

    answer = client.get(NOTICES)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert answer.json()["code"] == "token_revoked"
    assert answer.json()["detail"] == f"the token {key} was revoked"


def test_revoking_twice_keeps_the_first_time(user):
    token_for(user)
    key, now = ApiToken.objects.get().key, timezone.now()
    revoke_token(key, at=now)

    assert revoke_token(key, at=now + timedelta(days=1)).revoked_at == now


def test_an_expired_token_opens_nothing(client, user):
    let_in(client, token_for(user))
    ApiToken.objects.update(expires_at=timezone.now())

    assert refused(client, "notices/", 401)["code"] == "token_expired"


def test_a_token_of_a_user_who_left_opens_nothing(client, user):
    let_in(client, token_for(user))
    user.is_active = False
    user.save()

    assert refused(client, "notices/", 401)["code"] == "user_inactive"


def test_a_scope_that_is_missing_is_named(client, user):
    let_in(client, token_for(user, "orders:read"))

    problem = refused(client, "notices/", 403)

    assert problem["code"] == "scope_missing"
    assert "lacks the scope notices:read" in problem["detail"]


def test_a_token_reaches_no_further_than_its_user(client, django_user_model):
    let_in(client, token_for(django_user_model.objects.create_user("clerk")))

    problem = refused(client, "notices/", 403)

    assert problem["code"] == "permission_missing"
    assert "trading.view_notice" in problem["detail"]


def test_to_read_everything_is_to_write_nothing(client, user):
    let_in(client, token_for(user))

    answer = client.post("/api/v1/kill-switch/", {"on": True, "reason": "x"}, content_type="application/json")

    assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM)
    assert "kill_switch:write" in answer.json()["detail"]


def test_a_token_that_may_write_throws_the_switch_under_its_users_name(client, user):
    let_in(client, token_for(user, "kill_switch:write"))

    answer = client.post("/api/v1/kill-switch/", {"on": True, "reason": "x"}, content_type="application/json")

    assert answer.json()["switches"][0]["actor"] == "anna"


def test_the_session_of_the_admin_opens_the_api_too(client, user):
    client.force_login(user)

    assert told(client, "notices/")["results"] == []


def test_more_requests_than_allowed_in_a_minute_are_told_to_wait(client, user, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    let_in(client, token_for(user))
    told(client, "notices/")
    told(client, "notices/")

    answer = client.get(NOTICES)

    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (429, PROBLEM, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 61
    # Another token of the same user has its own minute.
    assert let_in(client, token_for(user)).get(NOTICES).status_code == 200


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": " "}, "name: expected 1 to 80 letters"),
        ({"user": "nobody"}, "user: expected the name of an active user, was 'nobody'"),
        ({"scopes": []}, "scopes: expected one at least"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at: expected a time to come"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(user, facts, said):
    now = timezone.now()
    asked = {"name": "x", "user": "anna", "scopes": ["orders:read"], "expires_at": now + timedelta(days=1), "at": now}

    with pytest.raises(NotAToken, match=said):
        make_token(**{**asked, **facts})

    assert not ApiToken.objects.exists()
