"""Looking at pages of the desk: as they are read out, and the links in them."""

import re

from django.contrib.auth.models import Permission


def words(answer):
    """The page as it is read out."""
    text = re.sub(r"<(script|style|head)\b.*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("&quot;", '"').split())


def entries(answer):
    """The kinds of a story's entries, in the order in which they stand there."""
    return re.findall(r'<p class="what"><span class="tag [a-z]*">([^<]+)</span>', answer.content.decode())


def links(answer):
    """Every address on the page."""
    return [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', answer.content.decode())]


def content_links(answer):
    """Those of the story itself."""
    return [
        link.replace("&amp;", "&")
        for link in re.findall(r'href="([^"]+)"', answer.content.decode().partition("<main")[2])
    ]


def someone_who_may(django_user_model, *rights):
    """A user of the staff who has these permissions and no others."""
    user = django_user_model.objects.create_user("someone", is_staff=True)
    for right in rights:
        app, _, codename = right.partition(".")
        user.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label=app))
    return user
