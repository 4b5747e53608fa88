"""The environment of the API: how often it may be asked."""

from collections.abc import Mapping

from config.environment import Variable, read

API_REQUESTS_PER_MINUTE = Variable(
    "API_REQUESTS_PER_MINUTE",
    expected="how many requests a token may make to the API in a minute: a whole number, 1 or more",
    example="API_REQUESTS_PER_MINUTE=60",
    default="600",
)
API_VARIABLES = (API_REQUESTS_PER_MINUTE,)


def api_requests_per_minute(environ: Mapping[str, str] | None = None) -> int:
    """Return how many requests a token may make in a minute."""
    return read(API_REQUESTS_PER_MINUTE, _at_least_one, environ)


def _at_least_one(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise ValueError
    return int(text)
