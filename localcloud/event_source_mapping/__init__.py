"""Lambda's event source mapping for Kinesis: batches, order, retries, and what it gives up on.

The decisions are pure (`config`, `answer`, `batch`, `lanes`, `lineage`, `failure`); `shard_worker`
and `mapping` are the thin loops that act on them. docs/event-source-mapping.md lists every
semantic, where it is known from, and the test that holds it.
"""
