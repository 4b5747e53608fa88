"""Exact decimal fields, on either database."""

import decimal
from decimal import Decimal

import pytest
from django import forms
from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, NotSupportedError, connection, models, transaction
from django.db.migrations.writer import MigrationWriter
from django.db.models import Case, CheckConstraint, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual

from trading.fields import ExactDecimalField, Magnitude, NotComparable, NotExact, NotKeptExactly, exact_sum

SEVENTY_DIGITS = "-12345678901234567890123456789012345.12345678901234567890123456789012345"
UINT256 = str(2**256 - 1)
TINY = "0." + "0" * 99 + "1"


# A registry of their own, so that nobody else sees these models.
OF_THESE_TESTS = Apps()


class Weighed(models.Model):  # noqa: DJ008
    """A row with numbers."""

    amount = ExactDecimalField()
    other = ExactDecimalField(null=True, blank=True)

    class Meta:
        apps, app_label = OF_THESE_TESTS, "fields"
        db_table = "test_weighed"


class Positive(models.Model):  # noqa: DJ008
    """A row whose number is above zero, and whose other one is not below."""

    amount = ExactDecimalField()
    other = ExactDecimalField(null=True)

    class Meta:
        apps, app_label = OF_THESE_TESTS, "fields"
        db_table = "test_positive"
        constraints = [
            CheckConstraint(condition=GreaterThan(Magnitude(F("amount")), 0), name="test_positive_amount"),
            CheckConstraint(condition=GreaterThanOrEqual(Magnitude(F("other")), 0), name="test_positive_other"),
        ]


@pytest.fixture(scope="module", autouse=True)
def tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Weighed)
            editor.create_model(Positive)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Positive)
            editor.delete_model(Weighed)


@pytest.fixture(autouse=True)
def _database(db):
    pass


def stored() -> list[str]:
    """What the database itself says, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(amount AS text) FROM test_weighed ORDER BY id")
        return [text for (text,) in cursor.fetchall()]


def insert_raw(literal: str, table: str = "test_weighed", column: str = "amount") -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        columns = "amount" if column == "amount" else "amount, other"
        values = literal if column == "amount" else f"'1', {literal}"
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})")  # noqa: S608


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0", "0"),
        ("-0.00", "0"),
        ("1.50", "1.5"),
        ("1E+2", "100"),
        ("1234567890.123456789012345678", "1234567890.123456789012345678"),
        (SEVENTY_DIGITS, SEVENTY_DIGITS),
        (UINT256, UINT256),
        ("1E-100", TINY),
        ("9" * 300, "9" * 300),
        ("0." + "0" * 299 + "7", "0." + "0" * 299 + "7"),
        # SQLite would make a float of these, were the column no text.
        ("0.1", "0.1"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_a_number_is_kept_to_the_last_digit(written, kept):
    row = Weighed.objects.create(amount=Decimal(written))

    read = Weighed.objects.get(amount=Decimal(written))

    assert read.pk == row.pk
    assert isinstance(read.amount, Decimal)
    assert f"{read.amount:f}" == kept
    assert stored() == [kept]


def test_text_and_whole_numbers_are_taken_too():
    Weighed.objects.create(amount=" 1.50 ", other=2**300)

    row = Weighed.objects.get(amount="1.5")

    assert (row.amount, row.other) == (Decimal("1.5"), Decimal(2**300))
    assert Weighed.objects.filter(other=2**300).exists()
    assert Weighed.objects.filter(amount__in=["1.500", 7]).exists()
    assert not Weighed.objects.filter(other__isnull=True).exists()
    assert not Weighed.objects.exclude(amount=Decimal("1.5000")).exists()


def test_equal_columns_are_found_by_equality_and_close_ones_are_not():
    Weighed.objects.create(amount="1.10", other="1.1")
    Weighed.objects.create(amount="0.1000000000000000000000000000001", other="0.1")

    assert [row.amount for row in Weighed.objects.filter(amount=F("other"))] == [Decimal("1.1")]


def test_no_number_is_null():
    Weighed.objects.create(amount=1, other=None)

    assert Weighed.objects.get(other=None).other is None


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        True,
        b"1",
        [1],
        "",
        "nan",
        "1_000",
        "1,5",
        "0x10",
        "١",
        "1e",
        "1E-301",
        "1E+300",
        "9" * 301,
        "1E999999999",
        Decimal("1E+999999"),
    ],
)
def test_what_is_no_exact_decimal_is_refused_everywhere(value):
    uses = [
        lambda: Weighed.objects.create(amount=value),
        lambda: Weighed.objects.bulk_create([Weighed(amount=value)]),
        lambda: Weighed.objects.update(amount=value),
        lambda: Weighed.objects.filter(amount=value).exists(),
        lambda: Weighed.objects.filter(amount__in=[value]).exists(),
    ]
    for use in uses:
        with pytest.raises(NotExact, match="expected"), transaction.atomic():
            use()
    with pytest.raises(ValidationError):
        Weighed(amount=value).full_clean()
    assert stored() == []


@pytest.mark.parametrize(
    "lookup",
    ["gt", "gte", "lt", "lte", "range", "contains", "startswith", "endswith", "regex", "iexact", "year", "foo"],
)
def test_a_lookup_that_text_gets_wrong_is_refused_on_every_database(lookup):
    with pytest.raises(NotComparable, match=rf"Weighed\.amount can be looked up by exact, in, isnull, not by {lookup}"):
        Weighed.objects.filter(**{f"amount__{lookup}": "5"})
    with pytest.raises(NotComparable):
        Q(**{f"amount__{lookup}": "5"}).resolve_expression(Weighed.objects.all().query)


@pytest.mark.parametrize(
    "computed",
    [
        lambda: Weighed.objects.aggregate(total=Sum("amount")),
        lambda: Weighed.objects.aggregate(most=models.Max("amount")),
        lambda: Weighed.objects.aggregate(least=models.Min("amount")),
        lambda: Weighed.objects.filter(pk=0).aggregate(mean=models.Avg("amount")),
        lambda: list(Weighed.objects.annotate(more=Greatest("amount", "other"))),
        lambda: list(
            Weighed.objects.annotate(sum=models.ExpressionWrapper(F("amount") + F("other"), ExactDecimalField()))
        ),
        lambda: Weighed.objects.update(amount=F("amount") + 1),
        lambda: Weighed.objects.update(amount=F("amount") * F("other")),
        lambda: Weighed.objects.update(amount=Greatest("amount", "other")),
        lambda: Weighed.objects.update(amount=Value(1.5)),
        lambda: Weighed.objects.update(amount=Value("1.50")),
        lambda: Weighed.objects.update(amount=Value(Decimal("1.50"))),
        lambda: Weighed.objects.create(amount=Value(Decimal("1.50"))),
        lambda: Weighed.objects.update(amount=Case(When(pk=0, then=F("amount") + 1), default=F("amount"))),
    ],
)
def test_what_a_database_computes_with_floats_is_refused_on_every_database(computed):
    Weighed.objects.create(amount="10", other="9")

    with pytest.raises(NotComparable), transaction.atomic():
        computed()

    assert stored() == ["10"]


def test_a_number_is_copied_by_the_database_as_it_is():
    Weighed.objects.create(amount=SEVENTY_DIGITS)
    Weighed.objects.create(amount=TINY)

    Weighed.objects.update(other=F("amount"))
    Weighed.objects.update(amount=Value("1.50", output_field=ExactDecimalField()))

    read = Weighed.objects.annotate(either=Coalesce("other", "amount"), copy=F("amount")).order_by("pk")
    assert [(row.either, row.copy) for row in read] == [
        (Decimal(SEVENTY_DIGITS), Decimal("1.5")),
        (Decimal(TINY), Decimal("1.5")),
    ]
    assert stored() == ["1.5", "1.5"]


def test_many_rows_are_updated_at_once():
    rows = [Weighed.objects.create(amount=number) for number in (1, 2)]
    rows[0].amount, rows[1].amount = Decimal(SEVENTY_DIGITS), Decimal("2.50")

    Weighed.objects.bulk_update(rows, ["amount"])

    assert stored() == [SEVENTY_DIGITS, "2.5"]


def test_many_rows_are_inserted_at_once():
    Weighed.objects.bulk_create([Weighed(amount=SEVENTY_DIGITS), Weighed(amount="1.0")])

    assert stored() == [SEVENTY_DIGITS, "1"]


def test_numbers_that_others_wrote_differently_print_equal():
    insert_raw("'1.500'")
    insert_raw("'1.5'")

    assert [str(row.amount) for row in Weighed.objects.all()] == ["1.5", "1.5"]


def test_what_is_no_number_in_the_database_is_not_read():
    if connection.vendor == "sqlite":
        insert_raw("'12 shares'")
    else:
        insert_raw("'NaN'")

    with pytest.raises(NotKeptExactly, match=r"Weighed\.amount was read as"):
        Weighed.objects.get()


def test_postgresql_takes_nothing_but_numbers():
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite any text goes in by raw SQL, and is refused when it is read")

    with pytest.raises(DataError):
        insert_raw("'12 shares'")


# Sums.


def test_a_sum_is_exact():
    numbers = [SEVENTY_DIGITS, UINT256, TINY, "0.1", "0.2"]
    Weighed.objects.bulk_create([Weighed(amount=number) for number in numbers])

    whole = int(UINT256) - 12345678901234567890123456789012345
    total = exact_sum(Weighed.objects.all(), "amount")

    # 0.3 less the fraction of the seventy digits, and a one at the hundredth place.
    assert f"{total:f}" == f"{whole}.17654321098765432109876543210987655" + "0" * 64 + "1"


def test_a_sum_counts_rows_and_not_distinct_numbers():
    Weighed.objects.bulk_create([Weighed(amount="1.5"), Weighed(amount="1.50"), Weighed(amount="2", other="7")])

    assert exact_sum(Weighed.objects.all(), "amount") == Decimal(5)
    assert exact_sum(Weighed.objects.distinct(), "amount") == Decimal(5)
    assert exact_sum(Weighed.objects.order_by("-pk")[:2], "amount") == Decimal("3.5")
    assert exact_sum(Weighed.objects.filter(amount=2), "other") == Decimal(7)
    assert exact_sum(Weighed.objects.all(), "other") == Decimal(7)
    assert exact_sum(Weighed.objects.none(), "amount") == Decimal(0)
    assert exact_sum(Weighed.objects.filter(amount=99), "amount") == Decimal(0)


def test_a_sum_is_exact_whatever_context_the_caller_stands_in():
    Weighed.objects.bulk_create([Weighed(amount=UINT256), Weighed(amount=TINY)])

    with decimal.localcontext(prec=5):
        total = exact_sum(Weighed.objects.all(), "amount")

    assert f"{total:f}" == f"{UINT256}.{TINY.removeprefix('0.')}"


# Signs.


@pytest.mark.parametrize(
    "literal", ["'0.0000000000000000000000001'", "'1'", f"'{TINY}'", f"'{UINT256}'", "1", "0.5", "'1E-290'"]
)
def test_a_check_lets_a_number_above_zero_in(literal):
    insert_raw(literal, "test_positive")

    assert Positive.objects.count() == 1


@pytest.mark.parametrize(
    "literal", ["0", "'0'", "-1", "'-1'", "'-0.0'", "'0.000'", "'-0.0000000000000000000000001'", f"'-{UINT256}'"]
)
def test_a_check_keeps_a_number_that_is_not_above_zero_out(literal):
    with pytest.raises(IntegrityError, match="test_positive_amount"):
        insert_raw(literal, "test_positive")


@pytest.mark.parametrize("literal", ["0", "'0'", "'-0'", "'0.0000000000000000000000001'", "NULL", "10"])
def test_a_check_lets_a_number_not_below_zero_in(literal):
    insert_raw(literal, "test_positive", "other")


@pytest.mark.parametrize("literal", ["-1", "'-0.0000000000000000000000001'", f"'-{TINY}'"])
def test_a_check_keeps_a_number_below_zero_out(literal):
    with pytest.raises(IntegrityError, match="test_positive_other"):
        insert_raw(literal, "test_positive", "other")


@pytest.mark.parametrize(("amount", "right"), [("1", True), (TINY, True), ("0", False), ("-" + TINY, False)])
def test_a_check_is_validated_before_it_is_saved_too(amount, right):
    row = Positive(amount=amount)

    if right:
        row.validate_constraints()
    else:
        with pytest.raises(ValidationError):
            row.validate_constraints()


def test_the_sign_may_be_asked_for_in_a_query():
    Weighed.objects.bulk_create([Weighed(amount="-" + TINY), Weighed(amount=0), Weighed(amount=TINY)])

    assert [row.amount for row in Weighed.objects.filter(GreaterThan(Magnitude(F("amount")), 0))] == [Decimal(TINY)]


@pytest.mark.parametrize("other", [5, -1, 0.5, 0.0, "1", False, Decimal("0.1")])
def test_a_magnitude_is_compared_with_zero_only(other):
    with pytest.raises(NotComparable):
        list(Weighed.objects.filter(GreaterThan(Magnitude(F("amount")), other)))


# Migrations, forms, fixtures.


def test_a_field_is_written_into_a_migration_by_its_name():
    text, imports = MigrationWriter.serialize(ExactDecimalField(null=True, default=Decimal("1.5")))

    assert text == "trading.fields.ExactDecimalField(default=Decimal('1.5'), null=True)"
    assert "import trading.fields" in imports


def test_a_check_is_written_into_a_migration():
    text, _ = MigrationWriter.serialize(Positive._meta.constraints[0])

    assert "GreaterThan(trading.fields.Magnitude(models.F('amount')), 0)" in text


def test_no_other_database_keeps_it():
    class Elsewhere:
        vendor = "mysql"

    with pytest.raises(NotSupportedError, match="mysql"):
        ExactDecimalField().db_type(Elsewhere())


class WeighedForm(forms.ModelForm):
    class Meta:
        model = Weighed
        fields = ["amount", "other"]


def test_a_form_takes_text_and_shows_plain_text():
    row = Weighed(amount=Decimal("1E-100"), other=None)

    assert f'value="{TINY}"' in str(WeighedForm(instance=row)["amount"])

    form = WeighedForm({"amount": " 1.50", "other": ""}, instance=row)
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["amount"], form.cleaned_data["other"]) == (Decimal("1.5"), None)
    assert form.changed_data == ["amount"]


def test_a_form_sees_no_change_in_another_way_to_write_a_number():
    assert WeighedForm({"amount": "1.500", "other": ""}, instance=Weighed(amount=Decimal("1.5"))).changed_data == []


@pytest.mark.parametrize("text", ["", "nan", "a lot", "1E-301"])
def test_a_form_refuses_what_is_no_number(text):
    form = WeighedForm({"amount": text, "other": "1"})

    assert list(form.errors) == ["amount"]


def test_a_fixture_keeps_every_digit():
    amount, other = Weighed._meta.get_field("amount"), Weighed._meta.get_field("other")
    row = Weighed(amount=Decimal("1E-100"), other=None)

    assert amount.value_to_string(row) == TINY
    assert amount.to_python(TINY) == Decimal("1E-100")
    assert other.to_python(None) is None
