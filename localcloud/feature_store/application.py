"""The feature store's runtime over HTTP (rest-json), as a Starlette application."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.feature_store.contract import Operation, operations
from localcloud.feature_store.errors import FeatureStoreError, invalid
from localcloud.feature_store.store import FeatureStore

_PAGE = 100

Answer = dict[str, Any]


def application(store: FeatureStore) -> Starlette:
    """The runtime of `store`."""
    runtime = _Runtime(store)
    routes = [
        Route(
            operation.path.replace("{FeatureGroupName}", "{FeatureGroupName:path}"),
            _endpoint(operation, runtime.handlers[operation.name]),
            methods=[operation.method],
        )
        for operation in operations()
    ]
    return Starlette(routes=routes)


def _endpoint(
    operation: Operation, handle: Callable[[Mapping[str, Any]], Answer]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        query = {key: request.query_params.getlist(key) for key in request.query_params}
        try:
            answer = handle(operation.parameters(request.path_params, query, body))
        except FeatureStoreError as error:
            return _refusal(operation, error)
        return JSONResponse(answer, headers={"x-amzn-requestid": str(uuid4())})

    return endpoint


def _refusal(operation: Operation, error: FeatureStoreError) -> Response:
    code, status = error.code, error.status
    if code not in operation.errors:
        # PutRecord and others have no ResourceNotFound: they say it as a ValidationError.
        code, status = "ValidationError", 400
    headers = {"x-amzn-errortype": code, "x-amzn-requestid": str(uuid4())}
    return JSONResponse({"Message": str(error)}, status, headers)


@dataclass(frozen=True, slots=True)
class _Runtime:
    store: FeatureStore

    @property
    def handlers(self) -> Mapping[str, Callable[[Mapping[str, Any]], Answer]]:
        return {
            "BatchGetRecord": self._batch_get,
            "BatchWriteRecord": self._batch_write,
            "DeleteRecord": self._delete,
            "GetRecord": self._get,
            "ListRecords": self._list,
            "PutRecord": self._put,
            "UpdateRecord": self._update,
        }

    def _put(self, request: Mapping[str, Any]) -> Answer:
        self.store.put(
            request["FeatureGroupName"],
            request["Record"],
            targets=request.get("TargetStores", ()),
            ttl=request.get("TtlDuration"),
        )
        return {}

    def _get(self, request: Mapping[str, Any]) -> Answer:
        answer = self.store.get(
            request["FeatureGroupName"],
            request["RecordIdentifierValueAsString"],
            request.get("FeatureNames", ()),
        )
        return _expiry_if_asked(request, answer)

    def _delete(self, request: Mapping[str, Any]) -> Answer:
        self.store.delete(
            request["FeatureGroupName"],
            request["RecordIdentifierValueAsString"],
            request["EventTime"],
            hard=request.get("DeletionMode") == "HardDelete",
            targets=request.get("TargetStores", ()),
        )
        return {}

    def _update(self, request: Mapping[str, Any]) -> Answer:
        self.store.update(
            request["FeatureGroupName"],
            request["RecordIdentifierValueAsString"],
            request["Features"],
            targets=request.get("TargetStores", ()),
            ttl=request.get("TtlDuration"),
        )
        return {}

    def _batch_get(self, request: Mapping[str, Any]) -> Answer:
        records: list[Answer] = []
        errors: list[Answer] = []
        for wanted in request["Identifiers"]:
            for identifier in wanted["RecordIdentifiersValueAsString"]:
                entry = {
                    "FeatureGroupName": wanted["FeatureGroupName"],
                    "RecordIdentifierValueAsString": identifier,
                }
                names = wanted.get("FeatureNames", ())
                try:
                    found = self.store.get(wanted["FeatureGroupName"], identifier, names)
                except FeatureStoreError as error:
                    errors.append({**entry, **_as_entry(error)})
                    continue
                if found:
                    records.append({**entry, **_expiry_if_asked(request, found)})
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    def _batch_write(self, request: Mapping[str, Any]) -> Answer:
        errors: list[Answer] = []
        for entry in request["Entries"]:
            try:
                self._put({"TtlDuration": request.get("TtlDuration"), **entry})
            except FeatureStoreError as error:
                errors.append({"Entry": entry, **_as_entry(error)})
        return {"Errors": errors, "UnprocessedEntries": []}

    def _list(self, request: Mapping[str, Any]) -> Answer:
        identifiers = self.store.identifiers(
            request["FeatureGroupName"], deleted=request.get("IncludeSoftDeletedRecords", False)
        )
        after = _read_token(request["NextToken"]) if "NextToken" in request else ""
        rest = [each for each in identifiers if each > after]
        page = rest[: request.get("MaxResults", _PAGE)]
        more = {"NextToken": _token(page[-1])} if len(page) < len(rest) else {}
        return {"RecordIdentifiers": page, **more}


def _expiry_if_asked(request: Mapping[str, Any], answer: Answer) -> Answer:
    if request.get("ExpirationTimeResponse") == "Enabled":
        return answer
    return {key: value for key, value in answer.items() if key != "ExpiresAt"}


def _as_entry(error: FeatureStoreError) -> Answer:
    return {"ErrorCode": error.code, "ErrorMessage": str(error)}


def _token(identifier: str) -> str:
    return base64.urlsafe_b64encode(identifier.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid(f"NextToken {token!r} is none of ListRecords") from error
