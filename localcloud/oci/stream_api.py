"""Streaming's operations: the data plane, and as much of the control plane as finds a stream."""

from __future__ import annotations

import uuid

from millrace.anomaly.instants import iso_ms

from localcloud.oci.calls import Answer, Call, Handlers
from localcloud.oci.documents import message_document, messages_of
from localcloud.oci.errors import NotFound
from localcloud.oci.groups import Group
from localcloud.oci.principal import COMPARTMENT
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming


class StreamApi:
    """Over the streams of one tenancy, all of them in one pool."""

    def __init__(self, streaming: Streaming, pool_id: str, kafka: str | None = None) -> None:
        self._streaming = streaming
        self._pool_id = pool_id
        self._kafka = kafka

    def handlers(self) -> Handlers:
        """By service and operation."""
        return {
            ("streaming", "put_messages"): self.put,
            ("streaming", "get_messages"): self.get,
            ("streaming", "create_cursor"): self.cursor,
            ("streaming", "create_group_cursor"): self.group_cursor,
            ("streaming", "consumer_commit"): self.commit,
            ("streaming", "consumer_heartbeat"): self.heartbeat,
            ("streaming", "get_group"): self.group,
            ("streaming", "update_group"): self.update_group,
            ("streaming", "create_stream"): self.create,
            ("streaming", "get_stream"): self.stream,
            ("streaming", "list_streams"): self.streams,
            ("streaming", "get_stream_pool"): self.pool,
        }

    async def put(self, call: Call) -> Answer:
        stream = self._streaming.stream(call.path["streamId"])
        kept = stream.put(messages_of(call.body))
        entries = [
            {"partition": m.partition, "offset": m.offset, "timestamp": iso_ms(m.arrival_ms)}
            for m in kept
        ]
        return Answer({"failures": 0, "entries": entries})

    async def get(self, call: Call) -> Answer:
        stream = self._streaming.stream(call.path["streamId"])
        found, token = self._streaming.get(stream.id, call.query["cursor"], call.number("limit"))
        documents = [message_document(stream.name, message) for message in found]
        return Answer(documents, headers={"opc-next-cursor": token})

    async def cursor(self, call: Call) -> Answer:
        body = call.body
        value = self._streaming.cursor(
            call.path["streamId"],
            body.text("partition"),
            body.text("type"),
            body.whole("offset"),
            body.time_ms("time"),
        )
        return Answer({"value": value})

    async def group_cursor(self, call: Call) -> Answer:
        body = call.body
        value = self._streaming.group_cursor(
            call.path["streamId"],
            body.text("groupName"),
            body.text("type"),
            instance=body.text("instanceName", str(uuid.uuid4())),
            time_ms=body.time_ms("time"),
            timeout_ms=body.whole("timeoutInMs"),
            commit_on_get=body.flag("commitOnGet"),
        )
        return Answer({"value": value})

    async def commit(self, call: Call) -> Answer:
        value = self._streaming.commit(call.path["streamId"], call.query["cursor"])
        return Answer({"value": value})

    async def heartbeat(self, call: Call) -> Answer:
        value = self._streaming.heartbeat(call.path["streamId"], call.query["cursor"])
        return Answer({"value": value})

    async def group(self, call: Call) -> Answer:
        group = self._streaming.group(call.path["streamId"], call.path["groupName"])
        return Answer(_group_document(group))

    async def update_group(self, call: Call) -> Answer:
        group = self._streaming.group(call.path["streamId"], call.path["groupName"])
        group.reset(call.body.text("type"), call.body.time_ms("time"))
        return Answer(status=204)

    async def create(self, call: Call) -> Answer:
        body = call.body
        stream = self._streaming.create(
            body.text("name"),
            partitions=body.whole("partitions") or 1,
            retention_h=body.whole("retentionInHours") or 24,
        )
        return Answer(self._stream_document(stream, call.url))

    async def stream(self, call: Call) -> Answer:
        stream = self._streaming.stream(call.path["streamId"])
        return Answer(self._stream_document(stream, call.url))

    async def streams(self, call: Call) -> Answer:
        name = call.query.get("name")
        found = [one for one in self._streaming.streams() if name in (None, one.name)]
        shown = [self._stream_document(one, call.url) for one in found]
        for one in shown:
            del one["retentionInHours"]
        return Answer(shown)

    async def pool(self, call: Call) -> Answer:
        if call.path["streamPoolId"] != self._pool_id:
            raise NotFound(f"There is no stream pool {call.path['streamPoolId']:.200}")
        return Answer(
            {
                "id": self._pool_id,
                "compartmentId": COMPARTMENT,
                "name": "local",
                "lifecycleState": "ACTIVE",
                "timeCreated": iso_ms(self._streaming.made_ms),
                "kafkaSettings": {"bootstrapServers": self._kafka, "autoCreateTopicsEnable": False},
                "customEncryptionKey": {"keyState": "NONE"},
            }
        )

    def _stream_document(self, stream: Stream, url: str) -> dict[str, object]:
        return {
            "id": stream.id,
            "name": stream.name,
            "partitions": len(stream.partitions),
            "retentionInHours": stream.retention_h,
            "compartmentId": COMPARTMENT,
            "streamPoolId": self._pool_id,
            "lifecycleState": "ACTIVE",
            "timeCreated": iso_ms(stream.made_ms),
            "messagesEndpoint": url,
        }


def _group_document(group: Group) -> dict[str, object]:
    places = [
        {
            "partition": name,
            "committedOffset": place.committed - 1 if place.committed else None,
            "reservedInstance": place.instance,
            "timeReservedUntil": iso_ms(place.until_ms) if place.instance else None,
        }
        for name, place in group.places.items()
    ]
    return {"streamId": group.stream.id, "groupName": group.name, "reservations": places}
