"""Roles: the groups that every installation has, and what each may do in the admin.

`migrate` makes them as they stand here, and makes them so again where they were changed by hand: what is wanted
otherwise is a group of one's own. Rows that nobody changes have pages without buttons, whatever a role may do.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction

BUSINESS = ("trading", "audit_trail", "eventstore")
SECRETS = frozenset({"brokertoken", "brokerlogin", "authnote"})
"""Rows about tokens, ciphered as they are: no part of what is traded."""
CALLS = frozenset({"apicalllog", "apipayload"})
"""What was sent and answered, word for word: accounts and balances stand in it."""

OF_NOBODY = ("sessions.", "otp_totp.", "otp_static.")
"""Sessions, keys of authenticators and recovery codes: no page shows them."""

ASKING = {"trading.change_operatorrequest"}
STOPPING = {f"trading.{right}_{model}" for right in ("add", "change") for model in ("killswitch", "restrictedsymbol")}


class Role(StrEnum):
    """What a person is here."""

    VIEWER = "viewer"
    """Looks at what is traded, decided and known."""

    OPERATOR = "operator"
    """A viewer who sees the calls too, asks for what the buttons do, throws kill switches and restricts symbols."""

    AUDITOR = "auditor"
    """Looks at everything, logins and users among it, and changes nothing."""

    ADMINISTRATOR = "administrator"
    """Does everything that a page offers: limits, schedules, users and their roles."""


def sync_roles() -> None:
    """Make the groups with what each may do, or make them so again."""
    for app in apps.get_app_configs():
        create_permissions(app, verbosity=0)  # Later apps have not had their turn yet when this is called.
    every = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    with transaction.atomic():
        for role, may in MAY.items():
            group, _ = Group.objects.get_or_create(name=role.value)
            group.permissions.set([permission for name, permission in every.items() if may(name)])


def may_view(name: str, *, but: Iterable[str] = ()) -> bool:
    app, _, codename = name.partition(".")
    right, _, model = codename.partition("_")
    return app in BUSINESS and right == "view" and model not in set(but)


def _viewer(name: str) -> bool:
    return may_view(name, but=SECRETS | CALLS)


def _operator(name: str) -> bool:
    return may_view(name, but=SECRETS) or name in ASKING | STOPPING


def _auditor(name: str) -> bool:
    return name.partition(".")[2].startswith("view_") and not name.startswith(OF_NOBODY)


def _administrator(name: str) -> bool:
    return not name.startswith(OF_NOBODY)


MAY: dict[Role, Callable[[str], bool]] = {
    Role.VIEWER: _viewer,
    Role.OPERATOR: _operator,
    Role.AUDITOR: _auditor,
    Role.ADMINISTRATOR: _administrator,
}
