"""Problems: every error of the API in one form (RFC 9457), with what was expected, what was found, and a code."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.views import set_rollback

MEDIA_TYPE = "application/problem+json"


class ErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with one parameter, or one field of what was sent."""

    name = serializers.CharField(help_text="of the parameter or field")
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong, as RFC 9457 has it."""

    type = serializers.CharField(help_text="always about:blank: `code` tells problems of one status apart")
    title = serializers.CharField(help_text="the status in words")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="a word for programs, as scope_missing or parameter_unknown")
    detail = serializers.CharField(help_text="what was expected, what was found, what to do")
    instance = serializers.CharField(help_text="the path that was asked for")
    errors = ErrorSerializer(many=True, required=False, help_text="each thing that is wrong")  # type: ignore[assignment]


def problem_of(error: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """Tell an error as a problem; None where it is none of the API's own, which makes it a 500."""
    if isinstance(error, Http404):
        error = NotFound()
    elif isinstance(error, DjangoPermissionDenied):
        error = PermissionDenied()
    if not isinstance(error, APIException):
        return None
    set_rollback()
    response = problem(
        context["request"], error.status_code, code=_code(error), detail=_detail(error), errors=_errors(error)
    )
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if (wait_seconds := getattr(error, "wait", None)) is not None:
        response["Retry-After"] = str(int(wait_seconds) + 1)
    return response


def problem(
    request: HttpRequest | Request,
    status: int,
    *,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
) -> JsonResponse:
    """Answer with a problem."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request.path,
    }
    if errors:
        told["errors"] = errors
    response = JsonResponse(told, status=status, content_type=MEDIA_TYPE, json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = "no-store"
    return response


def _code(error: APIException) -> str:
    if isinstance(error, ValidationError):
        return "parameters_invalid"
    return str(getattr(error.detail, "code", None) or error.default_code)


def _detail(error: APIException) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{one['name']}: {one['detail']}" for one in _errors(error))
    return str(error.detail)


def _errors(error: APIException) -> list[dict[str, str]]:
    if not isinstance(error, ValidationError):
        return []
    detail = error.detail if isinstance(error.detail, dict) else {"": error.detail}
    return [
        {"name": str(name), "detail": str(text)}
        for name, texts in detail.items()
        for text in (texts if isinstance(texts, list) else [texts])
    ]
