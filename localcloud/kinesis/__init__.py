"""Kinesis Data Streams on one machine: the data plane, the control plane, and their HTTP protocol.

`backend.KinesisBackend` is the service itself, in memory, called as plain functions by whoever
shares its event loop; `app.application` puts AWS's JSON protocol in front of it, so that boto3 and
every other SDK find it under an endpoint URL. Time comes from a `Clock`, nothing is random that
anybody reads, and nothing here knows of the event source mapping or of the fault plan.

From the inside out: sequence → shard → topology → stream → producing → backend, then reading and
subscriptions for consumers, then requests, the operations and app for the wire.
"""
