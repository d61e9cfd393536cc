"""The process behind a plain worker. Run as a script; it knows nothing of the local cloud.

Errors are reported as by the real runtime client: errorMessage, errorType, requestId, stackTrace.
"""

from __future__ import annotations

import importlib
import json
import logging
import math
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import BinaryIO, TypedDict

# What the emulator allows, "6 MB" and a little.
_ANSWER_LIMIT_BYTES = 6_291_556

Handler = Callable[[object, "Context"], object]


class Context:
    """What a handler gets as its second argument."""

    def __init__(self, request_id: str, deadline_ms: int) -> None:
        self.aws_request_id = request_id
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        # The same as the emulator gives.
        self.invoked_function_arn = (
            f"arn:aws:lambda:us-east-1:012345678912:function:{self.function_name}"
        )
        self.client_context = None
        self.identity = None
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


class RuntimeFailure(Exception):
    """A failure of the runtime rather than the handler; `error_type` is Lambda's name for it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Description(TypedDict):
    """An unhandled error, as Lambda reports it."""

    errorMessage: str
    errorType: str
    requestId: str
    stackTrace: list[str]


def main(requests: BinaryIO, answers: BinaryIO, handler_name: str) -> None:
    """Answer requests until the other end closes."""
    handler = _load_or_fail_later(handler_name)
    answers.write(b"ready\n")
    answers.flush()
    while line := requests.readline():
        request_id, deadline_ms, size = line.decode().split()
        payload = requests.read(int(size))
        outcome, body = _answer(handler, payload, Context(request_id, int(deadline_ms)))
        answers.write(f"{outcome} {len(body)}\n".encode() + body)
        answers.flush()


def load(name: str) -> Handler:
    """Import `package/module.function` as the runtime client does."""
    module_name, function_name = name.rsplit(".", 1)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise RuntimeFailure("Runtime.ImportModuleError", message) from None
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise RuntimeFailure("Runtime.UserCodeSyntaxError", message) from None
    handler: Handler | None = getattr(module, function_name, None)
    if handler is None:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise RuntimeFailure("Runtime.HandlerNotFound", message)
    return handler


def _load_or_fail_later(name: str) -> Handler:
    try:
        return load(name)
    except Exception as error:  # every call will be told
        failure = error

    def fail(event: object, context: Context) -> object:
        raise failure

    return fail


def _answer(handler: Handler, payload: bytes, context: Context) -> tuple[str, bytes]:
    try:
        return "ok", _encode(handler(_decode(payload), context))
    except Exception as error:  # whatever it is, it is the function's answer
        document = _describe(error, context.aws_request_id)
        frames = "".join(document["stackTrace"])
        print(f"[ERROR] {document['errorType']}: {document['errorMessage']}\n{frames}", end="")
        return "error", json.dumps(document).encode()


def _decode(payload: bytes) -> object:
    try:
        event: object = json.loads(payload)
    except ValueError as error:
        message = f"Unable to unmarshal input: {error}"
        raise RuntimeFailure("Runtime.UnmarshalError", message) from None
    return event


def _encode(value: object) -> bytes:
    try:
        body = json.dumps(value, default=_number, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        raise RuntimeFailure("Runtime.MarshalError", message) from None
    if len(body) > _ANSWER_LIMIT_BYTES:
        message = f"Response payload size exceeded the maximum of {_ANSWER_LIMIT_BYTES} bytes."
        raise RuntimeFailure("Function.ResponseSizeTooLarge", message)
    return body


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return math.nan if value.is_nan() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _describe(error: Exception, request_id: str) -> Description:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": getattr(error, "error_type", type(error).__name__),
        "requestId": request_id,
        "stackTrace": traceback.format_list(own),
    }


if __name__ == "__main__":
    # The handler's folder is on the path already; this script's own must not be.
    sys.path[0] = os.getcwd()  # noqa: PTH109
    logging.basicConfig(format="[%(levelname)s]\t%(asctime)s\t%(message)s", stream=sys.stdout)
    with socket.socket(fileno=int(sys.argv[1])) as end:
        main(end.makefile("rb"), end.makefile("wb"), sys.argv[2])
