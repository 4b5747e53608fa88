"""`api_token`: the token is printed once, alone on its line, and stands nowhere else."""

import logging

import pytest
from django.core.management import CommandError, call_command

from eventstore.access.tokens import ApiToken
from tests.support.commands import run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anna(django_user_model):
    return django_user_model.objects.create_superuser("anna")


def made(capsys, *more):
    call_command("api_token", "create", "dashboards", "--user", "anna", "--scope", "orders:read", *more)
    return capsys.readouterr()


def test_a_token_is_printed_once_and_lets_in(capsys, caplog, client):
    caplog.set_level(logging.DEBUG)

    printed = made(capsys, "--scope", "trades:read", "--days", "3")

    text = printed.out.strip()
    assert client.get("/api/v1/orders/", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    assert text not in printed.err
    assert text.split("_", 2)[2] not in caplog.text
    assert ApiToken.objects.get().scopes == "orders:read trades:read"


def test_the_list_shows_whose_it_is_and_how_it_stands(capsys):
    made(capsys)
    row = ApiToken.objects.get()

    assert f"{row.key}\tdashboards\tanna\torders:read\tvalid\t" in run("api_token", "list")
    run("api_token", "revoke", row.key)
    assert "\trevoked\t" in run("api_token", "list")


def test_without_tokens_the_list_says_so():
    assert "no tokens" in run("api_token", "list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "x", "--user", "anna", "--scope", "order:read"), "scope: expected one of"),
        (("create", "x", "--user", "anna", "--scope", "orders:write"), "scope: expected one of"),
        (("create", "x", "--user", "bob", "--scope", "orders:read"), "user: expected the name of an active user"),
        (("create", "x", "--user", "anna", "--scope", "orders:read", "--days", "0"), "days: expected from 1 to 366"),
        (("revoke", "nothing"), "expected the key of a token"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said):
    with pytest.raises(CommandError, match=said) as caught:
        call_command("api_token", *arguments)
    assert caught.value.returncode == 2


def test_a_whole_token_given_to_revoke_is_not_repeated(capsys):
    text = made(capsys).out.strip()

    with pytest.raises(CommandError) as caught:
        call_command("api_token", "revoke", text)

    assert text not in str(caught.value)
