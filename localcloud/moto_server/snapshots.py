"""Transactions without copying whole tables.

moto protects a transaction by deep-copying every table in it, once an item, and swaps the copies
in when it fails: seconds for a table of ten thousand items. While one of these blocks runs, such a
copy of a table holds copies of the transaction's own items only and shares the rest.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from localcloud.moto_server.metering import Key, touched


@contextlib.contextmanager
def cheap_snapshots(
    backend: DynamoDBBackend, operation: str, request: Mapping[str, Any]
) -> Iterator[None]:
    """Make moto's copies of the tables in a transaction cheap while the block runs."""
    if operation != "TransactWriteItems":
        yield
        return
    keys: dict[str, list[Key]] = {}
    for table_name, key in touched(operation, request):
        keys.setdefault(table_name, []).append(key)
    tables = [backend.tables[name] for name in keys if name in backend.tables]
    # The records of a table's stream must be rolled back as well: leave those tables to moto.
    eligible = [table for table in tables if table.stream_shard is None]
    for table in eligible:
        # copy.deepcopy asks the object itself for this method
        vars(table)["__deepcopy__"] = _copier(table, keys[table.name])
    try:
        yield
    finally:
        for table in eligible:
            vars(table).pop("__deepcopy__", None)


def _copier(table: Table, keys: Sequence[Key]) -> Callable[[dict[int, Any]], Table]:
    snapshot: list[Table] = []

    def copier(_memo: dict[int, Any]) -> Table:
        if not snapshot:  # moto asks again for every item, before it changes any
            snapshot.append(_snapshot(table, keys))
        return snapshot[0]

    return copier


def _snapshot(table: Table, keys: Sequence[Key]) -> Table:
    twin = copy.copy(table)
    vars(twin).pop("__deepcopy__", None)
    twin.items = table.items.copy()
    for key in keys:
        value = key.get(table.hash_key_attr)
        if value is not None and (hashed := DynamoType(value)) in table.items:
            twin.items[hashed] = copy.deepcopy(table.items[hashed])
    return twin
