"""Among: whether a column holds one of many values, asked with one parameter however many they are.

`id__in` writes a mark for each value, and Django looks at each of them several times; for a batch of thousands that is
dearer than what is asked. The values are whole numbers or texts.
"""

from typing import Any

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import IntegerField, Lookup
from django.db.models.sql.compiler import SQLCompiler

from eventstore.databases import array


class Among(Lookup):
    """`rows.filter(id__among=ids)`: like `in`, for many; Django looks into a list, and leaves a set alone."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        values = list(self.rhs)
        if connection.vendor == "postgresql":
            kind = "bigint" if isinstance(self.lhs.output_field, IntegerField) else "text"
            return f"{column} = ANY(%s::{kind}[])", (*parameters, array(map(str, values)))
        wanted = msgspec.json.encode(values).decode()
        return f"{column} IN (SELECT value FROM json_each(%s))", (*parameters, wanted)  # noqa: S608  # a column of ours
