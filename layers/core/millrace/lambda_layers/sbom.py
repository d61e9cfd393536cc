"""A layer's bill of materials, as CycloneDX 1.6: the same layer gives the same bytes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from millrace.lambda_layers.findings import Package, Scan

# When it was made is no property of a layer.
_DATE = datetime(1980, 1, 1, tzinfo=UTC)


def cyclonedx(scan: Scan) -> str:
    """The bill of materials of a layer that was scanned, as JSON."""
    bom = Bom()
    layer = Component(name=scan.layer, type=ComponentType.CONTAINER, bom_ref="layer")
    components = [_component(one) for one in scan.packages]
    for component in components:
        bom.components.add(component)
    bom.metadata.component = layer
    bom.metadata.timestamp = _DATE
    bom.metadata.properties.add(Property(name="millrace:files", value=str(scan.files)))
    bom.register_dependency(layer, components)
    named = "\n".join(component.bom_ref.value or "" for component in components)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{scan.layer}\n{named}")
    return str(JsonV1Dot6(bom).output_as_string(indent=2))


def _component(one: Package) -> Component:
    group, _, name = one.name.rpartition("/")
    url = PackageURL(one.ecosystem, group or None, name, one.version)
    licences = LicenseFactory()
    return Component(
        name=name,
        group=group or None,
        version=one.version,
        type=ComponentType.LIBRARY,
        purl=url,
        bom_ref=f"{url}#{one.place}",
        licenses=[licences.make_from_string(one.licence)] if one.licence else [],
    )
