"""Every query of the service, by family (one .sql file) and name; Python mentions SQL only so.

A file is a list of queries, each headed by `-- name: some_name` and comments that say what the
query promises. Parameters are Postgres' own `$1`, `$2`.
"""

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, LiteralString, cast

import aiosql


def load(family: str) -> Mapping[str, LiteralString]:
    """Return the queries of one family, keyed by name; raises where a name stands twice."""
    text = resources.files(__name__).joinpath(f"{family}.sql").read_text(encoding="utf-8")
    driver = cast("Any", _Verbatim)
    queries = aiosql.from_str(text, driver, mandatory_parameters=False)
    # These files ship inside the package, so they are as trusted as literals.
    return MappingProxyType(
        {
            name: cast("LiteralString", getattr(queries, name).sql)
            for name in queries.available_queries
            if not name.endswith("_cursor")
        }
    )


class _Verbatim:
    """An aiosql driver that leaves the SQL as written: aiosql only splits, `store` runs it."""

    is_aio_driver = True

    def process_sql(self, _name: str, _operation: object, sql: str) -> str:
        return sql
