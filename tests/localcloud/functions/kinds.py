"""Tests that hold for every kind of worker."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import pytest

from localcloud.functions.emulator import find_emulator
from localcloud.functions.pool import Kind

P = ParamSpec("P")
needs_emulator = pytest.mark.skipif(
    find_emulator(Path(__file__).parents[3]) is None, reason="no Lambda emulator on this machine"
)
KINDS = [pytest.param(Kind.EMULATOR, marks=needs_emulator), Kind.PROCESS]


def contract(
    test: Callable[Concatenate[Path, Kind, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[Path, Kind, P], None]:
    """Run an asynchronous test with each kind of worker."""

    @functools.wraps(test)
    def run(tmp_path: Path, kind: Kind, *args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(tmp_path, kind, *args, **kwargs))

    with_kinds: Callable[Concatenate[Path, Kind, P], None] = pytest.mark.parametrize("kind", KINDS)(
        run
    )
    return with_kinds
