"""Keys: under which a token is turned into a ciphertext, newest first, so that they can be changed one by one.

A ciphertext is bound to what it belongs to: moved to another broker, kind or time, it no longer opens. Nothing here
holds a key or a token in a local name while it may raise: a traceback with locals shows none.
"""

import hashlib
from typing import Self

import msgspec
from Crypto.Cipher import AES
from Crypto.Cipher._mode_gcm import GcmMode
from Crypto.Random import get_random_bytes

from trading.values.secret import Secret

KEY_DIGITS = 64
KEY_ID_DIGITS = 8
NONCE_BYTES = 12
TAG_BYTES = 16

_HEX = frozenset("0123456789abcdefABCDEF")


class MalformedKeys(ValueError):
    """The text holds no keys. Mend it as the message says; the message repeats nothing of it."""


class UnknownKey(LookupError):
    """A ciphertext was made under a key that is not among ours. Put that key back, or log in again."""

    def __init__(self, key_id: str, known: list[str]) -> None:
        super().__init__(
            f"expected a key whose id is among {', '.join(known)}, found a ciphertext under key {key_id}: put that key "
            "behind the others in TOKEN_ENCRYPTION_KEYS, or log in again"
        )
        self.key_id = key_id


class DoesNotOpen(ValueError):
    """A ciphertext does not open: it, what it is bound to, or the key is not what it was."""


class Sealed(msgspec.Struct, frozen=True):
    """A ciphertext, as hex of nonce, text and tag, and the id of the key that opens it."""

    ciphertext: str
    key_id: str


class KeyRing:
    """The keys, newest first. What is sealed is sealed under the newest; what any of them sealed opens."""

    def __init__(self, keys: list[Secret]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self.newest = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    @property
    def ids(self) -> list[str]:
        return list(self._keys)

    @classmethod
    def parse(cls, text: Secret) -> Self:
        """Read keys of 64 hex digits with commas between them. Raises MalformedKeys."""
        keys, ids = _parts(text), list[str]()
        for place, key in enumerate(keys, start=1):
            if (fault := key_fault(key)) is not None:
                raise MalformedKeys(f"key {place} of {len(keys)}: {fault}")
            if (id := key_id(key)) in ids:
                raise MalformedKeys(f"key {place} of {len(keys)} is key {ids.index(id) + 1} again: leave it out")
            ids.append(id)
        return cls(keys)

    def seal(self, secret: Secret, *, bound_to: str) -> Sealed:
        """Turn a secret into a ciphertext under the newest key."""
        nonce = get_random_bytes(NONCE_BYTES)
        cipher = _gcm(self._keys[self.newest], nonce)
        cipher.update(_bound(bound_to, self.newest))
        text, tag = cipher.encrypt_and_digest(secret.reveal().encode("utf-8", "surrogatepass"))
        return Sealed((nonce + text + tag).hex(), self.newest)

    def open(self, sealed: Sealed, *, bound_to: str) -> Secret:
        """Turn a ciphertext back. Raises UnknownKey and DoesNotOpen."""
        if sealed.key_id not in self._keys:
            raise UnknownKey(sealed.key_id, self.ids)
        opened = opened_or_none(sealed.ciphertext, self._keys[sealed.key_id], _bound(bound_to, sealed.key_id))
        if opened is None:
            raise DoesNotOpen(
                f"expected a ciphertext under key {sealed.key_id}, bound to {bound_to}, found one that does not open: "
                "its row was changed or cut; log in again"
            )
        return opened


def key_id(key: Secret) -> str:
    """Name a key by the beginning of its hash, from which nobody can tell the key."""
    return hashlib.sha256(bytes.fromhex(key.reveal())).hexdigest()[:KEY_ID_DIGITS]


def key_fault(key: Secret) -> str | None:
    """Tell what is wrong with a key, if anything is, without repeating any of it."""
    length, strange = len(key.reveal()), sum(1 for digit in key.reveal() if digit not in _HEX)
    if length == KEY_DIGITS and not strange:
        return None
    found = "nothing" if not length else f"{length} characters"
    other = f", {strange} of them no hex digits" if strange else ""
    return f"expected {KEY_DIGITS} hex digits, found {found}{other}; `openssl rand -hex 32` makes a key"


def opened_or_none(ciphertext: str, key: Secret, bound: bytes = b"") -> Secret | None:
    """Open a hex of nonce, text and tag; None where it does not open.

    The cipher deciphers before it checks, so its own errors stay here: their frames hold what was deciphered.
    """
    try:
        raw = bytes.fromhex(ciphertext)
        if len(raw) < NONCE_BYTES + TAG_BYTES:
            return None
        cipher = _gcm(key, raw[:NONCE_BYTES])
        cipher.update(bound)
        text = cipher.decrypt_and_verify(raw[NONCE_BYTES:-TAG_BYTES], raw[-TAG_BYTES:])
        return Secret(text.decode("utf-8", "surrogatepass"))
    except ValueError:  # No hex, a wrong tag, or no text.
        return None


def _gcm(key: Secret, nonce: bytes) -> GcmMode:
    return AES.new(bytes.fromhex(key.reveal()), AES.MODE_GCM, nonce=nonce)


def _bound(to: str, key_id: str) -> bytes:
    return f"{to} key={key_id}".encode()


def _parts(text: Secret) -> list[Secret]:
    return [Secret(part.strip()) for part in text.reveal().split(",")]
