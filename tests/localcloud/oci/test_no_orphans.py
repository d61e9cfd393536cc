"""However the local cloud ends, its function ends with it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.localcloud.functions.pools import check_that_nothing_outlives


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left(tmp_path: Path, how: signal.Signals) -> None:
    check_that_nothing_outlives(
        f"{__package__}.running_cloud",
        str(tmp_path),
        how=how,
        processes=2,  # the watchdog and fdk
        TMPDIR=str(tmp_path),
    )
