"""Whoever looks at the desk."""

import pytest


@pytest.fixture
def boss(client, django_user_model):
    """Somebody who may see and ask for everything."""
    client.force_login(django_user_model.objects.create_superuser("boss"))
    return client
