"""Fields: decimals that a database keeps to the last digit.

SQLite's own decimals are binary floats and lose digits after the fifteenth, so there a number is stored as text; on
PostgreSQL it is a `numeric` without bounds. Text has no magnitude: what compares, orders or adds in the database is
refused on both, so that a query can't be right on one of them only. Order and add in Python, or with `exact_sum`.
"""

import decimal
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import BaseExpression, Col, Combinable, CombinedExpression, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.db.models.sql.compiler import SQLCompiler

from eventstore.decimals import plain_as_it_is
from trading.values.arithmetic import ZERO, add, canonical, plain

_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

if TYPE_CHECKING:
    _Field = models.Field
else:

    class _Field(models.Field):
        """Django's own, that takes types in brackets."""

        def __class_getitem__(cls, types: object) -> "type[models.Field]":
            return cls


# On either side of the point. The widest sums need 269; and what is 1E-300 at least has the right sign as a REAL.
MOST_PLACES = 300

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")

# Text compares as text, so of all lookups only those that ask for sameness are right.
_LOOKUPS = frozenset({"exact", "in", "isnull"})

# Functions that hand a number on as it is.
_HANDING_ON = (Cast, Coalesce, NullIf)


class NotExact(ValueError):
    """The value is no exact decimal: a float, no number, no finite one, or one too wide. Nothing was stored."""


class NotComparable(FieldError):
    """The database can't compare, order or add these numbers alike everywhere. Do it in Python, or with `exact_sum`."""


class NotKeptExactly(ValueError):
    """What the database holds, or computed, is no exact decimal. Nothing may be concluded from it."""


class ExactDecimalField(_Field[_Set, _Get]):
    """A Decimal with every digit it came with: `numeric` on PostgreSQL, canonical text on SQLite."""

    description = "Exact decimal"
    empty_strings_allowed = False

    if TYPE_CHECKING:
        _pyi_private_set_type: Decimal | str | int | Combinable
        _pyi_private_get_type: Decimal
        _pyi_lookup_exact_type: Decimal | str | int

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        match connection.vendor:
            case "postgresql":
                return "numeric"
            case "sqlite":
                return "text"
            case vendor:
                raise NotSupportedError(f"exact decimals are kept on PostgreSQL and SQLite, not on {vendor}")

    # Writing.

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)  # Resolves lazy objects.
        if prepared is None or hasattr(prepared, "as_sql"):
            return prepared
        return exact(prepared)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if isinstance(value, Decimal) and connection.vendor == "sqlite":
            return plain(value)
        return value

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        # Nearly every value, and rows are written by the thousand.
        if type(value) is Decimal and (text := _kept_as_it_is(value)) is not None:
            return text if connection.vendor == "sqlite" else value
        if hasattr(value, "as_sql"):
            _refuse_arithmetic(self, value)
            return value
        return self.get_db_prep_value(value, connection, prepared=False)

    # Reading.

    def from_db_value(self, value: Any, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Decimal | None:
        if type(expression) is not Col:
            _refuse_arithmetic(self, expression)
        if value is None:
            return None
        try:
            return exact(value)
        except NotExact as error:
            raise NotKeptExactly(f"{self._called()} was read as {value!r}: {error}") from error

    def to_python(self, value: Any) -> Decimal | None:
        if value is None:
            return None
        try:
            return exact(value)
        except NotExact as error:
            raise ValidationError(str(error), code="invalid", params={"value": value}) from error

    # Looking up.

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in _LOOKUPS:
            known = ", ".join(sorted(_LOOKUPS))
            raise NotComparable(
                f"{self._called()} can be looked up by {known}, not by {lookup_name}: on SQLite it is text. "
                "Compare in Python; for the sign alone there is Magnitude."
            )
        return super().get_lookup(lookup_name)

    # Forms and fixtures.

    def value_to_string(self, obj: models.Model) -> str:
        value: Any = self.value_from_object(obj)
        return "" if value is None else plain(exact(value))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": ExactDecimalFormField, **kwargs})

    def _called(self) -> str:
        model = getattr(self, "model", None)
        return f"{model._meta.label}.{self.name}" if model is not None else "an exact decimal"


class ExactDecimalFormField(forms.CharField):
    """A text box for an exact decimal."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"empty_value": None, **kwargs})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text is None:
            return None
        try:
            return exact(text)
        except NotExact as error:
            raise ValidationError(str(error), code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        return plain(value) if isinstance(value, Decimal) and value.is_finite() else value


class Magnitude(models.Func):
    """A number's sign, for CHECK constraints: compare it with zero, and with nothing else.

    PostgreSQL compares the number itself; SQLite makes a REAL of the text, which keeps the sign and not the digits.
    """

    function = "CAST"
    template = "%(function)s(%(expressions)s AS REAL)"
    arity = 1

    def _resolve_output_field(self) -> "models.Field[Any, Any]":
        return _Sign()

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="(%(expressions)s)::numeric", **context)


def exact(value: object) -> Decimal:
    """Take a number for what it says, canonically: a Decimal, an int, or its text. Raises NotExact."""
    if type(value) is Decimal and _kept_as_it_is(value) is not None:
        return value
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise NotExact(
            f"expected an exact decimal as Decimal, int or text, was {value!r} of type {type(value).__name__}"
        )
    number = _parsed(value) if isinstance(value, str) else Decimal(value)
    if not number.is_finite():
        raise NotExact(f"expected a finite number, was {value!r}")
    exponent = number.as_tuple().exponent
    # Zeros at the end are counted too: whoever writes hundreds of them means something else.
    if number and (number.adjusted() >= MOST_PLACES or not isinstance(exponent, int) or exponent < -MOST_PLACES):
        raise NotExact(f"expected at most {MOST_PLACES} places on either side of the point, was {str(value)[:80]}")
    return canonical(number)


def exact_sum(queryset: models.QuerySet[Any, Any], field: str) -> Decimal:
    """Add up a column exactly: in the database where that can, else here, row by row. A row without a number adds 0."""
    if connections[queryset.db].vendor == "postgresql":
        # As a plain number: an ExactDecimalField refuses sums, because on SQLite they are floats.
        total = queryset.aggregate(total=models.Sum(field, output_field=models.DecimalField()))["total"]
        return ZERO if total is None else exact(total)
    total = ZERO
    # With the key, because distinct() means distinct rows here as it does in an aggregate, not distinct numbers.
    for _, value in queryset.values_list("pk", field).iterator():
        if value is not None:
            total = add(total, exact(value))
    return canonical(total)


def _kept_as_it_is(value: Decimal) -> str | None:
    """Write a number that needs no second look: finite, canonical, and with no more digits than places are allowed."""
    text = plain_as_it_is(value)
    return None if text is None or len(text) > MOST_PLACES else text


def _parsed(text: str) -> Decimal:
    # Decimal() itself takes more than we mean: underscores, digits of other scripts, the words of infinity.
    if not _NUMBER.fullmatch(text.strip()):
        raise NotExact(f"expected an exact decimal, was {text[:80]!r}")
    try:
        return Decimal(text.strip())
    except decimal.InvalidOperation as error:
        raise NotExact(f"expected an exact decimal, was {text[:80]!r}") from error


def _refuse_arithmetic(field: ExactDecimalField[Any, Any], expression: Any) -> None:
    """Refuse what a database would compute of these numbers: on SQLite it computes with floats, and orders as text."""
    for part in expression.flatten() if hasattr(expression, "flatten") else [expression]:
        computed = isinstance(part, CombinedExpression | models.Func | models.Window) and not isinstance(
            part, _HANDING_ON
        )
        if computed or (isinstance(part, Value) and not _is_exact(part)):
            raise NotComparable(
                f"{field._called()} is not computed by the database, which {part!r} asks for: SQLite has only floats "
                "and text. Compute in Python, or with exact_sum."
            )


def _is_exact(constant: Value) -> bool:
    # What an ExactDecimalField prepares is canonical; of other constants, None and whole numbers are.
    if isinstance(getattr(constant, "_output_field_or_none", None), ExactDecimalField):
        return True
    return constant.value is None or (isinstance(constant.value, int) and not isinstance(constant.value, bool))


class _Sign(_Field[int, int]):
    """What Magnitude is compared with: zero."""

    def get_internal_type(self) -> str:
        return "IntegerField"

    def get_prep_value(self, value: Any) -> Any:
        if hasattr(value, "as_sql"):
            return value
        if isinstance(value, bool | float) or value != 0:
            raise NotComparable(f"Magnitude is for the sign of a number: compare it with 0, not with {value!r}")
        return 0
