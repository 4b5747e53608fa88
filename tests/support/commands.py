"""Commands run as an operator runs them: what one prints that ends well, and what one that does not."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command


def run(*arguments, **options):
    """Return what a command prints that ends well."""
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def refused(*arguments):
    """Return what a command prints that ends in an error, and what it says of the error."""
    out, errors = StringIO(), StringIO()
    with pytest.raises(CommandError) as error:
        call_command(*arguments, stdout=out, stderr=errors)
    return out.getvalue(), f"{errors.getvalue()}{error.value}"
