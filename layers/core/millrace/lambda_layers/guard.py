"""The identity policy that keeps functions to the layers that they may have.

A layer version's own policy knows accounts and organisations, and one action. It can name no role
and no other condition, and it says who may read the layer, not who may give it to a function. What
can be decided is who may change functions, and to which layers: by the condition key lambda:Layer,
in the policy of whoever deploys (or, for a whole organisation, in a service control policy).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from millrace.errors import ConfigurationError

_PATTERN = re.compile(r"arn:aws[\w-]*:lambda:[a-z0-9*-]+:[0-9*]+:layer:[\w*-]+(:[0-9*]+)?")
_CHANGES = ["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"]


def policy(allowed: Sequence[str]) -> dict[str, Any]:
    """A policy that denies every layer but these; layers' ARNs, with a version or for all of them.

    >>> [statement] = policy(["arn:aws:lambda:*:123456789012:layer:deps"])["Statement"]
    >>> statement["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]
    ['arn:aws:lambda:*:123456789012:layer:deps:*']
    """
    patterns = sorted(_patterns(allowed))
    if not patterns:
        raise ConfigurationError("No layer is named; a policy that denies all of them is none.")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyTheseLayers",
                "Effect": "Deny",
                "Action": _CHANGES,
                "Resource": "*",
                # Any layer that is none of these denies; a function without layers has none, and
                # a request that leaves layers as they are names none.
                "Condition": {"ForAnyValue:StringNotLike": {"lambda:Layer": patterns}},
            }
        ],
    }


def _patterns(allowed: Sequence[str]) -> Iterator[str]:
    for text in allowed:
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise ConfigurationError(
                f"{text!r} is no ARN of a layer, with or without a version and with * in its parts;"
                " arn:aws:lambda:*:123456789012:layer:* is."
            )
        yield text if found[1] else f"{text}:*"
