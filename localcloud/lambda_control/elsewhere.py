"""All services but Lambda: moto's, called in this process; loaded when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localcloud.lambda_control.errors import InvalidValue

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Elsewhere:
    """moto, with the account of each caller."""

    def __init__(self) -> None:
        self._dispatcher: Any = None

    def call(
        self,
        account: str,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        """moto's answer to a request of this account."""
        from localcloud.moto_server.wsgi import Request

        told = [*headers, ("x-moto-account-id", account)]
        status, fields, content = self._moto().call(Request(method, target, told, body))
        return status, [(n.lower().encode(), v.encode("latin-1")) for n, v in fields], content

    def _moto(self) -> Any:  # noqa: ANN401  its type would load it
        if self._dispatcher is None:
            from moto.moto_api._internal.models import moto_api_backend

            from localcloud.moto_server.wsgi import Dispatcher

            moto_api_backend.reset()  # moto keeps one state for a whole process
            self._dispatcher = Dispatcher()
        return self._dispatcher

    def object(self, account: str, bucket: str, key: str) -> bytes:
        """An object of one of the account's buckets. Raises InvalidValue where there is none."""
        from moto.s3.models import s3_backends

        found = s3_backends[account]["aws"].get_object(bucket, key) if bucket else None
        if found is None:
            raise InvalidValue(
                f"Error occurred while GetObject. S3 Error Code: NoSuchKey. s3://{bucket}/{key}"
            )
        return bytes(found.value)
