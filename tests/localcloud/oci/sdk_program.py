"""What the real SDK does with the local cloud, told as JSON. Run by the SDK's own Python."""

from __future__ import annotations

import base64
import json
import sys
from datetime import datetime
from typing import Any

import oci
from oci.auth.signers import get_resource_principals_signer
from oci.ons import NotificationDataPlaneClient
from oci.ons.models import MessageDetails
from oci.streaming import StreamClient
from oci.streaming import models as m


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def refused(call: Any, *args: Any) -> list[object]:
    """Status and code of an answer that is none."""
    try:
        call(*args)
    except oci.exceptions.ServiceError as error:
        return [error.status, error.code]
    return ["taken"]


def partition_cursors(client: Any, stream: str, partition: str, told: dict[str, Any]) -> None:
    told["cursors"] = {}
    settings: dict[str, dict[str, Any]] = {
        "TRIM_HORIZON": {},
        "LATEST": {},
        "AT_OFFSET": {"offset": 1},
        "AFTER_OFFSET": {"offset": 1},
        "AT_TIME": {"time": datetime.fromisoformat("2020-01-01T00:00:00+00:00")},
    }
    for kind, more in settings.items():
        details = m.CreateCursorDetails(partition=partition, type=kind, **more)
        cursor = client.create_cursor(stream, details).data.value
        answer = client.get_messages(stream, cursor, limit=2)
        after = client.get_messages(stream, answer.headers["opc-next-cursor"]).data
        told["cursors"][kind] = [[one.offset for one in answer.data], [one.offset for one in after]]


def group(client: Any, stream: str, told: dict[str, Any]) -> None:
    details = m.CreateGroupCursorDetails(
        group_name="a group", type="TRIM_HORIZON", instance_name="i", commit_on_get=False
    )
    cursor = client.create_group_cursor(stream, details).data.value
    answer = client.get_messages(stream, cursor)
    told["group read"] = len(answer.data)
    cursor = client.consumer_commit(stream, answer.headers["opc-next-cursor"]).data.value
    client.consumer_heartbeat(stream, cursor)
    found = client.get_group(stream, "a group").data
    told["committed"] = [[p.committed_offset, p.reserved_instance] for p in found.reservations]
    client.update_group(stream, "a group", m.UpdateGroupDetails(type="LATEST"))
    told["reset"] = [
        p.reserved_instance for p in client.get_group(stream, "a group").data.reservations
    ]


def refusals(options: dict[str, Any], stream: str, topic: str) -> list[list[object]]:
    client, ons = StreamClient({}, **options), NotificationDataPlaneClient({}, **options)
    return [
        refused(client.get_messages, stream, "no cursor"),
        refused(client.get_messages, stream + "x", "c"),
        refused(client.put_messages, stream, {"messages": [{"value": "no base64!"}]}),
        refused(ons.publish_message, topic, {"body": "x" * 65537}),
        refused(ons.publish_message, topic + "x", {"body": "x"}),
    ]


def main(url: str, stream: str, topic: str) -> None:
    signer = get_resource_principals_signer()
    options = {
        "signer": signer,
        "service_endpoint": url,
        "retry_strategy": oci.retry.NoneRetryStrategy(),
    }
    client = StreamClient({}, **options)
    told: dict[str, Any] = {}
    entries = [m.PutMessagesDetailsEntry(key=coded("k"), value=coded(f"v{i}")) for i in range(3)]
    put = client.put_messages(stream, m.PutMessagesDetails(messages=entries)).data
    told["put"] = [put.failures, [entry.offset for entry in put.entries]]
    partition = put.entries[0].partition
    partition_cursors(client, stream, partition, told)
    group(client, stream, told)
    ons = NotificationDataPlaneClient({}, **options)
    notice = ons.publish_message(topic, MessageDetails(title="title", body="body")).data
    told["notice"] = [notice.message_id, notice.time_stamp.isoformat()]
    told["refused"] = refusals(options, stream, topic)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
