"""Where a kept local cloud is: a file that the `millrace` command reads with --local."""

from __future__ import annotations

from pathlib import Path

import orjson

from localcloud.cloud import REGION, LocalCloud

_NAME = "cloud.json"


def remember(cloud: LocalCloud, folder: Path) -> Path:
    """Write where everything is; the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _NAME
    outputs = cloud.stack.outputs
    content = {
        "endpoint_url": cloud.url,
        "region": REGION,
        "stream": outputs["StreamName"],
        "features_table": outputs["FeaturesTableName"],
        "ledger_table": outputs["RedriveLedgerTableName"],
        "quarantine_bucket": outputs["QuarantineBucketName"],
        "features_toml": str(cloud.options.root / "features.toml"),
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def forget(folder: Path) -> None:
    """Remove the file: what it describes is gone."""
    (folder / _NAME).unlink(missing_ok=True)
