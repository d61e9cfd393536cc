"""Streaming's Kafka-compatible way: a peer of the Kafka protocol over the same streams.

A topic is a stream by its name. It speaks what producers need, and as much of reading as clients
want to see before they write records of the present format: no groups, no transactions, no
compression but gzip.
"""
