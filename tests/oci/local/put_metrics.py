"""Put metrics by Streaming's own API. Run by the SDK's own Python."""

from __future__ import annotations

import os
import sys

from millrace import oci
from millrace.anomaly.outgoing import outgoing
from millrace.anomaly.streaming import StreamingProducer

NOW_MS = 1_795_000_000_000


def main(count: int) -> None:
    oci.quiet()
    producer = StreamingProducer(os.environ["MILLRACE_STREAM_ID"], sleep=lambda _: None)
    print(producer.put(outgoing(str(i), "cpu", NOW_MS + i, i, NOW_MS) for i in range(count)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
