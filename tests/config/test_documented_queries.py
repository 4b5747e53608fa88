"""B-aud-13: what the docs tell to ask the database can be asked of the tables that there are."""

import re

import pytest
from django.db import connection

from tests.architecture.source import PROJECT

pytestmark = pytest.mark.django_db

DOCUMENT = PROJECT / "docs" / "audit_trail_queries.md"
QUERIES = re.findall(r"^```sql\n(.*?)^```", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", QUERIES)
def test_b_aud_13_a_documented_query_names_columns_that_are_there(query):
    with connection.cursor() as cursor:
        cursor.execute(query)

        assert cursor.fetchall() == []
        assert cursor.description


def test_there_are_queries_to_look_at():
    assert len(QUERIES) > 1
