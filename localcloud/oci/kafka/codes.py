"""Kafka's operations and error codes by number, as far as they are used here."""

from __future__ import annotations

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36

# The versions that the peer speaks, of each operation.
VERSIONS = {
    PRODUCE: (3, 7),
    FETCH: (4, 4),
    LIST_OFFSETS: (1, 1),
    METADATA: (1, 4),
    SASL_HANDSHAKE: (1, 1),
    API_VERSIONS: (0, 3),
    SASL_AUTHENTICATE: (0, 1),
}
NAMES = {
    PRODUCE: "Produce",
    FETCH: "Fetch",
    LIST_OFFSETS: "ListOffsets",
    METADATA: "Metadata",
    SASL_HANDSHAKE: "SaslHandshake",
    API_VERSIONS: "ApiVersions",
    SASL_AUTHENTICATE: "SaslAuthenticate",
}

NONE = 0
OFFSET_OUT_OF_RANGE = 1
CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
REQUEST_TIMED_OUT = 7
MESSAGE_TOO_LARGE = 10
UNSUPPORTED_SASL_MECHANISM = 33
ILLEGAL_SASL_STATE = 34
UNSUPPORTED_VERSION = 35
UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
SASL_AUTHENTICATION_FAILED = 58
UNSUPPORTED_COMPRESSION_TYPE = 76
INVALID_RECORD = 87


class KafkaError(Exception):
    """What the peer refuses, with Kafka's number for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
