"""Asking a service again, as long as that is of use and the caller has time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004  botocore's own
    HTTPClientError,
)

from millrace.aws import is_throttle
from millrace.errors import MillraceError
from millrace.inference.call import Call

_TRIES = 3
_PAUSE_S = 0.02
_T = TypeVar("_T")

Again = Callable[[Exception], bool]


def passing(error: Exception) -> bool:
    """Whether a read that failed like this may succeed in a moment."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or is_throttle(error)
    return isinstance(error, HTTPClientError | ConnectionError)


def unheard(error: Exception) -> bool:
    """Whether there was no beginning of an answer: a connection refused, cut, or gone stale."""
    return isinstance(error, ConnectionClosedError | ConnectionError)


def tried(
    call: Call,
    ask: Callable[[], _T],
    failure: Callable[[Exception], MillraceError],
    again: Again = passing,
) -> _T:
    """What `ask` returns, asked up to three times; raises what `failure` makes of its error."""
    pause_s = _PAUSE_S
    for attempt in range(1, _TRIES + 1):
        try:
            return ask()
        except (ClientError, BotoCoreError) as error:
            if attempt == _TRIES or not again(error) or call.left_s < pause_s:
                raise failure(error) from error
        # Functions that were throttled together must not come again together.
        time.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311
        pause_s *= 3
    raise AssertionError("the last try returned or raised")
