"""Authentication: a token in the request's head says for whom it asks."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from eventstore.access.tokens import ApiToken, NotLetIn, note_use, token_of

SCHEME = "Bearer"


def brings_token(request: HttpRequest | Request) -> bool:
    """Tell whether a request asks with a token, good or not: then nothing else says for whom it asks."""
    word: str = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")[0]
    return word.lower() == SCHEME.lower()


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    @sensitive_variables("header", "text")
    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        if not brings_token(request):
            return None
        header = request.META["HTTP_AUTHORIZATION"]
        _, _, text = header.partition(" ")
        now = timezone.now()
        try:
            token = token_of(text.strip(), at=now)
        except NotLetIn as error:
            raise AuthenticationFailed(str(error), code=error.code) from None
        note_use(token, at=now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="api"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of tokens."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `manage.py api_token create`. It reaches its scopes, of what its user may see.",
        }
