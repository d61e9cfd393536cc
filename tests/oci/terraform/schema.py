"""The part of the OCI provider's schema that oci-fn/terraform uses, written from its public docs.

It is ours: no provider can be fetched where the tests run. A misspelt or missing argument, a wrong
type and a wrong reference are found by it; what only the real provider knows is not.

``!`` marks a required argument, ``=`` a computed one; types are s(tring), n(umber), b(ool),
m(ap of strings), l(ist of strings) and c(onnection strings). Nested blocks are nested here.
"""

from __future__ import annotations

from typing import Any

_TAGS = {"freeform_tags": "m"}
_NAMED = {"compartment_id": "!s", "display_name": "!s", "id": "=s", **_TAGS}
_PORTS = {"min": "n", "max": "n"}

RESOURCES: dict[str, dict[str, Any]] = {
    "core_vcn": {**_NAMED, "display_name": "s", "cidr_blocks": "l", "dns_label": "s"},
    "core_nat_gateway": {**_NAMED, "display_name": "s", "vcn_id": "!s"},
    "core_route_table": {
        **_NAMED,
        "display_name": "s",
        "vcn_id": "!s",
        "route_rules": {
            "network_entity_id": "!s",
            "destination": "s",
            "destination_type": "s",
            "description": "s",
        },
    },
    "core_security_list": {
        **_NAMED,
        "display_name": "s",
        "vcn_id": "!s",
        "egress_security_rules": {
            "destination": "!s",
            "protocol": "!s",
            "stateless": "b",
            "tcp_options": _PORTS,
        },
        "ingress_security_rules": {
            "source": "!s",
            "protocol": "!s",
            "stateless": "b",
            "tcp_options": _PORTS,
        },
    },
    "core_subnet": {
        **_NAMED,
        "display_name": "s",
        "vcn_id": "!s",
        "cidr_block": "!s",
        "prohibit_public_ip_on_vnic": "b",
        "route_table_id": "s",
        "security_list_ids": "l",
        "dns_label": "s",
    },
    "streaming_stream_pool": {
        "compartment_id": "!s",
        "name": "!s",
        "id": "=s",
        "endpoint_fqdn": "=s",
        **_TAGS,
        "kafka_settings": {
            "auto_create_topics_enable": "b",
            "log_retention_hours": "n",
            "num_partitions": "n",
        },
    },
    "streaming_stream": {
        "name": "!s",
        "partitions": "!n",
        "compartment_id": "s",
        "retention_in_hours": "n",
        "stream_pool_id": "s",
        "id": "=s",
        "messages_endpoint": "=s",
        **_TAGS,
    },
    "artifacts_container_repository": {
        "compartment_id": "!s",
        "display_name": "!s",
        "is_immutable": "b",
        "is_public": "b",
        "id": "=s",
        "namespace": "=s",
        **_TAGS,
    },
    "functions_application": {**_NAMED, "subnet_ids": "!l", "config": "m", "shape": "s"},
    "functions_function": {
        "application_id": "!s",
        "display_name": "!s",
        "memory_in_mbs": "!s",
        "image": "s",
        "config": "m",
        "timeout_in_seconds": "n",
        "id": "=s",
        "invoke_endpoint": "=s",
        **_TAGS,
    },
    "sch_service_connector": {
        **_NAMED,
        "description": "s",
        "state": "s",
        "source": {"kind": "!s", "stream_id": "s", "cursor": {"kind": "s"}},
        "target": {
            "kind": "!s",
            "function_id": "s",
            "batch_size_in_kbs": "n",
            "batch_size_in_num": "n",
            "batch_time_in_sec": "n",
        },
    },
    "ons_notification_topic": {
        "compartment_id": "!s",
        "name": "!s",
        "description": "s",
        "id": "=s",
        "topic_id": "=s",
        **_TAGS,
    },
    "ons_subscription": {
        "compartment_id": "!s",
        "endpoint": "!s",
        "protocol": "!s",
        "topic_id": "!s",
        "id": "=s",
        **_TAGS,
    },
    "database_autonomous_database": {
        "compartment_id": "!s",
        "db_name": "s",
        "display_name": "s",
        "admin_password": "s",
        "db_workload": "s",
        "db_version": "s",
        "compute_model": "s",
        "compute_count": "n",
        "data_storage_size_in_gb": "n",
        "is_auto_scaling_enabled": "b",
        "is_mtls_connection_required": "b",
        "subnet_id": "s",
        "id": "=s",
        **_TAGS,
        "connection_strings": "=c",
    },
    "kms_vault": {**_NAMED, "vault_type": "!s", "management_endpoint": "=s"},
    "kms_key": {
        **_NAMED,
        "management_endpoint": "!s",
        "key_shape": {"algorithm": "!s", "length": "!n"},
    },
    "vault_secret": {
        "compartment_id": "!s",
        "secret_name": "!s",
        "vault_id": "!s",
        "key_id": "!s",
        "description": "s",
        "id": "=s",
        **_TAGS,
        "secret_content": {"content_type": "!s", "content": "s", "name": "s", "stage": "s"},
    },
    "identity_dynamic_group": {
        "compartment_id": "!s",
        "description": "!s",
        "matching_rule": "!s",
        "name": "!s",
        "id": "=s",
        **_TAGS,
    },
    "identity_policy": {
        "compartment_id": "!s",
        "description": "!s",
        "name": "!s",
        "statements": "!l",
        "id": "=s",
        **_TAGS,
    },
    "logging_log_group": {**_NAMED, "description": "s"},
    "logging_log": {
        "display_name": "!s",
        "log_group_id": "!s",
        "log_type": "!s",
        "is_enabled": "b",
        "retention_duration": "n",
        "id": "=s",
        **_TAGS,
        "configuration": {
            "compartment_id": "s",
            "source": {"category": "!s", "resource": "!s", "service": "!s", "source_type": "!s"},
        },
    },
    "monitoring_alarm": {
        "compartment_id": "!s",
        "destinations": "!l",
        "display_name": "!s",
        "is_enabled": "!b",
        "metric_compartment_id": "!s",
        "namespace": "!s",
        "query": "!s",
        "severity": "!s",
        "body": "s",
        "pending_duration": "s",
        "id": "=s",
        **_TAGS,
    },
}
