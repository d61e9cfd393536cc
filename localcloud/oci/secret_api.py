"""The operations of Vault and Secrets: bundles by id or name, and as much as rotates a secret."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from millrace.anomaly.instants import iso_ms

from localcloud.oci.calls import Answer, Call, Handlers
from localcloud.oci.errors import InvalidParameter, MissingParameter
from localcloud.oci.principal import COMPARTMENT
from localcloud.oci.vault import VAULT_ID, Secret, Vault, Version


class SecretApi:
    """Over one vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def handlers(self) -> Handlers:
        """By service and operation."""
        return {
            ("secrets", "get_secret_bundle"): self.bundle,
            ("secrets", "get_secret_bundle_by_name"): self.bundle_by_name,
            ("secrets", "list_secret_bundle_versions"): self.versions,
            ("vault", "create_secret"): self.create,
            ("vault", "get_secret"): self.secret,
            ("vault", "update_secret"): self.update,
        }

    async def bundle(self, call: Call) -> Answer:
        return self._bundle(call, self._vault.secret(call.path["secretId"]))

    async def bundle_by_name(self, call: Call) -> Answer:
        return self._bundle(
            call, self._vault.named(call.query["secretName"], call.query["vaultId"])
        )

    def _bundle(self, call: Call, secret: Secret) -> Answer:
        version = secret.find(
            call.number("versionNumber"),
            call.query.get("secretVersionName"),
            call.query.get("stage"),
        )
        secret.reads += 1
        content = base64.b64encode(version.content).decode()
        return Answer(
            {
                **_version_document(secret, version),
                "secretBundleContent": {"contentType": "BASE64", "content": content},
                "metadata": {},
            }
        )

    async def versions(self, call: Call) -> Answer:
        secret = self._vault.secret(call.path["secretId"])
        return Answer([_version_document(secret, one) for one in reversed(secret.versions)])

    async def create(self, call: Call) -> Answer:
        told = _content(call.body.fields)
        if told is None:
            raise MissingParameter("secretContent")
        content, version, _ = told
        made = self._vault.create(call.body.text("secretName"), content, version)
        return Answer(_document(made))

    async def secret(self, call: Call) -> Answer:
        return Answer(_document(self._vault.secret(call.path["secretId"])))

    async def update(self, call: Call) -> Answer:
        secret = self._vault.secret(call.path["secretId"])
        number, told = call.body.whole("currentVersionNumber"), _content(call.body.fields)
        if number is not None and told is not None:
            raise InvalidParameter("Give a content, or a version to be the current one, not both")
        if number is not None:
            secret.promote(number)
        if told is not None:
            self._vault.update(secret.id, *told)
        return Answer(_document(secret))


def _content(fields: Mapping[str, Any]) -> tuple[bytes, str | None, str] | None:
    """Content, name and stage of a new version."""
    told = fields.get("secretContent")
    if told is None:
        return None
    try:
        content = base64.b64decode(told.get("content") or "", validate=True)
    except ValueError:
        raise InvalidParameter("secretContent.content is not base64") from None
    return content, told.get("name"), told.get("stage") or "CURRENT"


def _version_document(secret: Secret, version: Version) -> dict[str, object]:
    return {
        "secretId": secret.id,
        "timeCreated": iso_ms(version.made_ms),
        "versionNumber": version.number,
        "versionName": version.name,
        "stages": secret.stages(version),
    }


def _document(secret: Secret) -> dict[str, object]:
    return {
        "compartmentId": COMPARTMENT,
        "currentVersionNumber": secret.current,
        "id": secret.id,
        "lifecycleState": "ACTIVE",
        "secretName": secret.name,
        "timeCreated": iso_ms(secret.made_ms),
        "vaultId": VAULT_ID,
    }
