"""A superuser who looks, and a user of the staff who may do nothing."""

import pytest


@pytest.fixture
def operator(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("operator"))
    return client


@pytest.fixture
def clerk(client, django_user_model):
    """A client of the staff without permissions; its user is `clerk.user`."""
    client.user = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(client.user)
    return client
