"""Secret names: which headers, parameters and fields hold a secret, by what they are called.

Where it is not sure, it is one: a word too many that is hidden costs an auditor a look elsewhere, one too few costs the
account. The few names that only sound like one, and explain a call, are listed.
"""

import re
from functools import lru_cache

# What a name ends with once its capitals, dashes and points are gone: apiKey, api_key and X-Api-Key are one.
_ENDINGS = (
    *("token", "tokens", "secret", "secrets", "key", "keys", "keyid", "jwt", "bearer", "assertion"),
    *("password", "passwords", "passwd", "pwd", "passphrase", "credential", "credentials"),
    *("authorization", "authcode", "authorizationcode", "codeverifier", "cookie", "cookies"),
)

_IN_A_HEADER = ("token", "secret", "key", "auth", "cookie", "password", "passwd", "credential", "session", "signature")

# Where the next page begins, and that two requests are one, is no secret. Challenges and CORS name words, not values.
_HARMLESS = {
    *("pagetoken", "nextpagetoken", "idempotencykey", "publickey"),
    *("wwwauthenticate", "proxyauthenticate", "accesscontrolallowcredentials", "accesscontrolallowheaders"),
}

_PARAMETERS = {"code", "session", "auth", "sig", "signature", "otp", "totp", "pin", "pass"}
_FIELDS = {"auth", "otp", "totp", "pin"}

# What an error calls itself: "404", "invalid_grant". An authorisation code mixes letters with digits or points.
_CODE_OF_AN_ERROR = re.compile(rb"-?[0-9]{1,5}|[A-Z_ -]+|[a-z_ -]+")


@lru_cache(maxsize=1024)
def header_is_secret(name: str) -> bool:
    squashed = _squashed(name)
    return squashed not in _HARMLESS and any(word in squashed for word in _IN_A_HEADER)


@lru_cache(maxsize=4096)
def parameter_is_secret(name: str) -> bool:
    """Tell it of a parameter in a query, a form, or the address that a login comes back to."""
    return _squashed(name) in _PARAMETERS or _ends_secret(name)


@lru_cache(maxsize=4096)
def field_is_secret(name: str) -> bool:
    """Tell it of a field of JSON; `code` is another matter, see `code_is_secret`."""
    return _squashed(name) in _FIELDS or _ends_secret(name)


def code_is_secret(value: bytes) -> bool:
    """Tell whether a text under `code` in JSON may let someone in, and is not how an error is called."""
    return _CODE_OF_AN_ERROR.fullmatch(value) is None


def _ends_secret(name: str) -> bool:
    squashed = _squashed(name)
    return squashed not in _HARMLESS and squashed.endswith(_ENDINGS)


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
