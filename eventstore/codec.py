"""The codec: events and states as JSON text in which equal values are equal bytes.

msgspec writes a Decimal as str() does, with exponents and trailing zeros, and a datetime in its own offset. So every
value is looked through first; where all is in its one form already, as nearly always, msgspec writes it as it is.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, DecimalException
from enum import Enum
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec

from eventstore.decimals import plain, plain_as_it_is
from eventstore.events import Event, class_of, current_schema
from eventstore.upcasting import upcast

T = TypeVar("T")


class CannotEncode(ValueError):
    """The value has no exact JSON form that reads back as the same value. Nothing was stored; mend the value."""


class CannotDecode(ValueError):
    """The stored JSON does not fit its class. Register an upcaster, or look into who changed the row."""


class NewerSchema(CannotDecode):
    """A newer version of this program stored the event. Upgrade this one; reading on could misunderstand it."""


def encode(event: Event) -> str:
    """Write an event as JSON text. Raises CannotEncode."""
    return encode_value(event)


def decode(name: str, schema: int, data: str) -> Event:
    """Read an event as its class is today. Raises UnknownEventType, MissingUpcaster, NewerSchema and CannotDecode."""
    known = _READERS.get(name) or _reader(name)
    try:
        if schema == known[0]:
            return known[1](data)
        return _decode_other(name, schema, data, known)
    except msgspec.MsgspecError as error:
        raise CannotDecode(f"{name!r} of schema {schema} can't be read: {error}") from error


def encode_value(value: msgspec.Struct | dict[str, Any]) -> str:
    """Write any struct, such as a state, or a mapping as JSON text. Raises CannotEncode."""
    try:
        return _write(_TIDIERS[type(value)](value)).decode()  # type: ignore[misc]
    except CannotEncode as error:
        raise CannotEncode(f"{type(value).__qualname__}: {error}") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CannotEncode(f"{type(value).__qualname__} can't be written as JSON: {error}") from error


def decode_value(kind: type[T], data: str) -> T:
    """Read a struct that `encode_value` wrote. Raises CannotDecode."""
    try:
        return cast(T, decoder_of(kind)(data))
    except msgspec.MsgspecError as error:
        raise CannotDecode(f"{kind.__qualname__} can't be read: {error}") from error


def decoder_of(kind: type) -> Callable[[str], Any]:
    """Return the reader of a class. Raises CannotDecode where no JSON could tell what is meant, as with bare unions."""
    reader = _DECODERS.get(kind)
    if reader is None:
        try:
            reader = _DECODERS[kind] = msgspec.json.Decoder(kind).decode
        except TypeError as error:
            raise CannotDecode(f"{kind.__qualname__} can't be read back from JSON: {error}") from error
    return reader


_DECODERS: dict[type, Callable[[str], Any]] = {}
_READERS: dict[str, tuple[int, Callable[[str], Event]]] = {}


def _reader(name: str) -> tuple[int, Callable[[str], Event]]:
    reader = _READERS[name] = (current_schema(name), decoder_of(class_of(name)))
    return reader


def _decode_other(name: str, schema: int, data: str, known: tuple[int, Callable[[str], Event]]) -> Event:
    current, read = known
    if schema > current:
        raise NewerSchema(
            f"{name!r} was stored with schema {schema}, and this program knows it up to {current}: upgrade the program"
        )
    new = upcast(name, schema, msgspec.json.decode(data, type=dict[str, Any]), to_schema=current)
    return read(_write(new).decode())


# Tidiers: for each class of values, what brings one into its one form. None stands for values that are in it always.
# A tidier returns the very same object where there is nothing to do, so that a struct is taken apart only if it must.

_write = msgspec.json.Encoder().encode
Tidier = Callable[[Any], Any]


def _decimal(value: Decimal) -> Decimal | str:
    if plain_as_it_is(value) is not None:
        return value
    if not value.is_finite():
        raise CannotEncode(f"expected a finite number, was {value}")
    try:
        return plain(value)
    except DecimalException as error:
        raise CannotEncode(f"expected a number of at most 1000 digits, was {value}") from error


def _datetime(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise CannotEncode(f"expected a time with a time zone, was {value.isoformat()}")
    moment = value.astimezone(UTC)
    if moment != value:
        # Clocks that are put back show an hour twice, and Python holds such a time to be equal to none elsewhere.
        raise CannotEncode(f"expected a time that a clock shows once, or one in UTC, was {value.isoformat()}")
    return moment


def _float(value: float) -> Any:
    raise CannotEncode(f"expected no binary float, was {value!r}: numbers are decimals or integers")


def _items(values: "list[Any] | tuple[Any, ...]") -> Any:
    tidied = [_tidied(item) for item in values]
    return values if all(old is new for old, new in zip(values, tidied, strict=True)) else tidied


def _set(values: "set[Any] | frozenset[Any]") -> list[Any]:
    # A set has no order of its own, and equal sets must be equal bytes.
    return sorted((_tidied(item) for item in values), key=_write)


def _mapping(values: dict[Any, Any]) -> dict[str, Any]:
    tidied = {_key(key): _tidied(item) for key, item in values.items()}
    if len(tidied) != len(values):
        raise CannotEncode(f"expected keys that differ as text, were {list(values)!r}")
    return dict(sorted(tidied.items()))


def _key(key: Any) -> str:
    match key:
        case Enum():
            return _key(key.value)
        case str():
            return key
        case int() if not isinstance(key, bool):
            return str(int(key))
        case Decimal():
            return str(_decimal(key))
        case _:
            raise CannotEncode(f"expected text or a number as a key, was {key!r}")


def _tidied(value: Any) -> Any:
    tidy = _TIDIERS[type(value)]
    return value if tidy is None else tidy(value)


def _struct(kind: type[msgspec.Struct]) -> Tidier:
    config = kind.__struct_config__
    if config.array_like or config.omit_defaults:
        raise CannotEncode(f"{kind.__qualname__} must store every field by its name: no array_like, no omit_defaults")
    names, stored_names = kind.__struct_fields__, kind.__struct_encode_fields__
    tag = {} if config.tag_field is None else {config.tag_field: config.tag}
    values_of = msgspec.structs.astuple
    # Structs of a class hold values of few different classes; for each such set, the places that need a look.
    plans: dict[tuple[type, ...], list[tuple[int, Tidier]]] = {}

    def tidy(struct: msgspec.Struct) -> Any:
        values = values_of(struct)
        kinds = tuple(map(type, values))
        plan = plans.get(kinds)
        if plan is None:
            plan = plans[kinds] = [(i, tidier) for i, kind in enumerate(kinds) if (tidier := _TIDIERS[kind])]
        changed: list[Any] | None = None
        index = 0
        try:
            for index, tidier in plan:
                new = tidier(values[index])
                if new is not values[index]:
                    if changed is None:
                        changed = list(values)
                    changed[index] = new
        except CannotEncode as error:
            raise CannotEncode(f"{names[index]}: {error}") from error
        if changed is None:
            return struct
        # What is unset is no field of the JSON, here as where msgspec writes the struct itself.
        return tag | {
            name: value for name, value in zip(stored_names, changed, strict=True) if value is not msgspec.UNSET
        }

    return tidy


class _Tidiers(dict[type, Tidier | None]):
    """The tidier of each class, found by its bases when a value of it is first met."""

    def __missing__(self, kind: type) -> Tidier | None:
        tidier = self[kind] = self._of(kind)
        return tidier

    def _of(self, kind: type) -> Tidier | None:
        if issubclass(kind, msgspec.Struct):
            return _struct(kind)
        if issubclass(kind, Enum):
            # An enum's own value is written; one of decimals or floats would go past the rules above.
            values = [member.value for member in kind]
            return None if all(isinstance(value, str | int) for value in values) else _unknown
        return _unknown


def _unknown(value: Any) -> Any:
    raise CannotEncode(f"expected a value that JSON keeps exactly, was {value!r} of {type(value).__qualname__}")


_TIDIERS = _Tidiers(
    {
        **dict.fromkeys((type(None), bool, int, str, bytes, date, timedelta, UUID, msgspec.UnsetType), None),
        Decimal: _decimal,
        datetime: _datetime,
        float: _float,
        list: _items,
        tuple: _items,
        set: _set,
        frozenset: _set,
        dict: _mapping,
    }
)
