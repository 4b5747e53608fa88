"""The API as a program meets it: through a token, with each answer taken apart."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from eventstore.access.tokens import EVERYTHING, make_token

PROBLEM = "application/problem+json"


def token_for(user, *scopes, days=1):
    """Make a token for a user, of all that may be read by default, and return its text."""
    now = timezone.now()
    made = make_token(
        name="a test", user=user.username, scopes=scopes or [EVERYTHING], expires_at=now + timedelta(days=days), at=now
    )
    return made.text


def reader(client, *rights):
    """Let a client in as a user with these rights, as `view_notice`; with none named, with all."""
    user = get_user_model().objects.create_user("program", is_superuser=not rights)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token_for(user)}"
    client.user = user
    return client


def told(client, path, **query):
    """Ask, and return what is answered."""
    answer = client.get(f"/api/v1/{path}", query)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json"), answer.content
    return answer.json()


def refused(client, path, status, **query):
    """Ask, and return the problem."""
    answer = client.get(f"/api/v1/{path}", query)
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM), answer.content
    problem = answer.json()
    assert (problem["status"], problem["instance"]) == (status, f"/api/v1/{path}")
    return problem


def csv_lines(client, path, **query):
    """Ask for CSV, and return its lines."""
    answer = client.get(f"/api/v1/{path}", {**query, "format": "csv"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.streaming
    return b"".join(answer.streaming_content).decode().splitlines()
