"""Secrets: a text that shows itself to who asks for it by name, and to nobody else."""

import hmac
from typing import Never, Self, SupportsIndex, final

SHOWN = "Secret(***)"


@final
class Secret:
    """A token, key or password. Logs, pages, errors and tracebacks show that there is one, and not which.

    It can't be pickled or written as JSON, so it gets into no queue, cache or row by accident. Two are compared without
    telling by the time taken how much of them is alike.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            found = type(text).__name__
            del text  # A traceback with locals would show it.
            raise TypeError(f"expected a secret's text as str, was {found}")
        self._text = text

    def reveal(self) -> str:
        """Give the text, at the place where it is sent or ciphered and nowhere else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_as_bytes(self), _as_bytes(other))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return SHOWN

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __getstate__(self) -> Never:
        raise TypeError("a secret is never pickled: hand over where it is kept, not what it says")

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        raise TypeError("a secret is never pickled: hand over where it is kept, not what it says")


def _as_bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")
