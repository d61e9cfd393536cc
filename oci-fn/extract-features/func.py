"""Connector Hub → database: one invocation is one batch of the stream, or one event by hand."""

from __future__ import annotations

import io

from fdk import response
from fdk.context import InvokeContext
from millrace.anomaly.service import handle


def handler(ctx: InvokeContext, data: io.BytesIO | None = None) -> response.Response:
    """Answer what was done. Raises where the batch should come again."""
    body = data.getvalue() if data is not None else b""
    return response.Response(
        ctx, response_data=handle(body), headers={"Content-Type": "application/json"}
    )
