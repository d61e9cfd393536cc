"""What the real SDK does with Vault, Notifications and Functions of the local cloud, as JSON.

Run by the SDK's own Python.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import oci
from oci.auth.signers import get_resource_principals_signer
from oci.functions import FunctionsInvokeClient
from oci.ons import NotificationControlPlaneClient, NotificationDataPlaneClient
from oci.secrets import SecretsClient
from oci.streaming import StreamAdminClient, StreamClient
from oci.vault import VaultsClient


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def content(answer: Any) -> list[Any]:
    bundle = answer.data
    told = base64.b64decode(bundle.secret_bundle_content.content).decode()
    return [told, bundle.version_number, bundle.stages]


def refused(call: Any, *args: Any, **named: Any) -> list[object]:
    """Status and code of an answer that is none."""
    try:
        call(*args, **named)
    except oci.exceptions.ServiceError as error:
        return [error.status, error.code]
    return ["taken"]


def secrets(options: dict[str, Any]) -> dict[str, Any]:
    vaults, client = VaultsClient({}, **options), SecretsClient({}, **options)

    def of(text: str, **more: str) -> dict[str, str]:
        return {"contentType": "BASE64", "content": coded(text), **more}

    made = vaults.create_secret(
        {
            "compartmentId": "c",
            "keyId": "k",
            "vaultId": "ocid1.vault.oc1.local",
            "secretName": "password",
            "secretContent": of("first", name="one"),
        }
    ).data
    told: dict[str, Any] = {"first": content(client.get_secret_bundle(made.id))}
    vaults.update_secret(made.id, {"secretContent": of("second")})
    vaults.update_secret(made.id, {"secretContent": of("third", stage="PENDING")})
    told["current"] = content(client.get_secret_bundle(made.id))
    told["pending"] = content(client.get_secret_bundle(made.id, stage="PENDING"))
    told["previous"] = content(client.get_secret_bundle(made.id, stage="PREVIOUS"))
    told["by name"] = content(client.get_secret_bundle(made.id, secret_version_name="one"))
    told["by number"] = content(client.get_secret_bundle(made.id, version_number=2))
    told["by secret's name"] = content(
        client.get_secret_bundle_by_name("password", "ocid1.vault.oc1.local")
    )
    vaults.update_secret(made.id, {"currentVersionNumber": 3})
    told["promoted"] = content(client.get_secret_bundle(made.id))
    listed = client.list_secret_bundle_versions(made.id).data
    told["versions"] = [[one.version_number, one.stages] for one in listed]
    told["refused"] = [
        refused(client.get_secret_bundle, made.id + "x"),
        refused(client.get_secret_bundle, made.id, version_number=9),
        refused(vaults.update_secret, made.id, {"secretContent": {"contentType": "BASE64"}}),
        refused(vaults.create_secret, {"compartmentId": "c", "keyId": "k", "vaultId": "v"}),
        refused(vaults.list_secrets, "c"),
    ]
    return told


def topics(options: dict[str, Any], topic: str, hook: str) -> dict[str, Any]:
    control = NotificationControlPlaneClient({}, **options)
    data = NotificationDataPlaneClient({}, **options)
    found = control.get_topic(topic).data
    wanted = {"topicId": topic, "compartmentId": "c", "protocol": "CUSTOM_HTTPS", "endpoint": hook}
    made = data.create_subscription(wanted).data
    backoff = {"maxRetryDuration": 60000, "policyType": "EXPONENTIAL"}
    data.update_subscription(made.id, {"deliveryPolicy": {"backoffRetryPolicy": backoff}})
    return {
        "topic": [found.name, found.api_endpoint],
        "subscription": [made.protocol, made.endpoint, made.lifecycle_state],
        "again": data.create_subscription(wanted).data.id == made.id,
        "listed": [one.id == made.id for one in data.list_subscriptions("c").data],
        "refused": [
            refused(data.create_subscription, {**wanted, "protocol": "PIGEON"}),
            refused(data.create_subscription, {**wanted, "endpoint": "https://example.com/x"}),
            refused(data.create_subscription, {**wanted, "topicId": topic + "x"}),
            refused(data.publish_message, topic, {"title": "two\nlines", "body": "b"}),
            refused(data.publish_message, topic, {"title": "no body"}),
            refused(data.publish_message, topic, {"body": 5}),
            refused(data.publish_message, topic, {"body": "b", "subject": "s"}),
            refused(control.create_topic, {"name": "t", "compartmentId": "c"}),
            refused(control.create_topic, {"name": "two words", "compartmentId": "c"}),
            refused(data.get_confirm_subscription, made.id, "wrong", "CUSTOM_HTTPS"),
        ],
    }


def streams(options: dict[str, Any], stream: str) -> dict[str, Any]:
    admin, client = StreamAdminClient({}, **options), StreamClient({}, **options)
    found = admin.get_stream(stream).data
    pool = admin.get_stream_pool(found.stream_pool_id).data
    made = admin.create_stream({"name": "new", "partitions": 3}).data
    again = {"name": "new", "partitions": 3}
    client.put_messages(made.id, {"messages": [{"value": coded("no key")}]})
    group = {"type": "TRIM_HORIZON", "groupName": "g"}
    read = client.get_messages(made.id, client.create_group_cursor(made.id, group).data.value).data
    return {
        "found": [found.name, found.partitions, found.lifecycle_state, found.messages_endpoint],
        "pool": pool.kafka_settings.bootstrap_servers,
        "keys": [one.key for one in read],
        "names": [one.name for one in admin.list_streams(compartment_id="c").data],
        "refused": [
            refused(admin.create_stream, again),
            refused(client.create_cursor, made.id, {"partition": "0", "type": "SOMEWHERE"}),
            refused(client.create_cursor, made.id, {"type": "LATEST"}),
            refused(client.get_messages, made.id, "none", limit=0),
            refused(admin.delete_stream, made.id),
        ],
    }


def functions(options: dict[str, Any], function: str) -> dict[str, Any]:
    client = FunctionsInvokeClient({}, **options)
    answer = client.invoke_function(function, invoke_function_body=b"body")
    detached = client.invoke_function(
        function, invoke_function_body=b"later", fn_invoke_type="detached"
    )
    return {
        "answer": [answer.status, answer.data.content.decode()],
        "detached": detached.status,
        "refused": [
            refused(client.invoke_function, function + "x", invoke_function_body=b""),
        ],
    }


def main(url: str, stream: str, topic: str, hook: str, function: str) -> None:
    options = {
        "signer": get_resource_principals_signer(),
        "service_endpoint": url,
        "retry_strategy": oci.retry.NoneRetryStrategy(),
    }
    told = {
        "secrets": secrets(options),
        "topics": topics(options, topic, hook),
        "streams": streams(options, stream),
        "functions": functions(options, function),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
