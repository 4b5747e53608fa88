"""The web pages: reachable, styled from our own files, and closed to strangers."""

import pytest


@pytest.mark.django_db
def test_a_stranger_is_asked_to_log_in(client):
    response = client.get("/", follow=True)

    assert response.status_code == 200
    assert response.redirect_chain[-1][0].startswith("/admin/login/")
    assert b"Hedgetrail" in response.content


@pytest.mark.django_db  # The end of a request looks at the connections, whether it used one or not.
def test_styles_are_served_without_collecting_them_first(client):
    response = client.get("/static/admin/css/base.css")

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/css")
    response.close()


def test_an_unknown_host_is_refused(client):
    assert client.get("/", headers={"host": "elsewhere.example.com"}).status_code == 400
