"""Runs the SAM translator: a SAM template becomes plain CloudFormation, with no network."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any, Final

import boto3
from millrace.errors import ConfigurationError
from samtranslator.model.exceptions import InvalidDocumentException  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from localcloud.stack.parameters import ParameterValue

# The translator takes code in S3 only. A bucket that cannot exist carries the folder through it.
CHECKOUT_BUCKET: Final = "the-checkout"
SOURCE_ID: Final = "SamResourceId"
_CODE_PROPERTIES: Final = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


def translate(
    template: Mapping[str, Any], parameters: Mapping[str, ParameterValue], region: str
) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of `template`; `template` stays as it is.

    A folder of code comes out as `{"S3Bucket": CHECKOUT_BUCKET, "S3Key": folder}`; the
    metadata of a resource that the template names itself hold that name under SOURCE_ID.

    Raises:
        ConfigurationError: SAM finds the template wrong.
    """
    # It warns of switches for features of its own, which are none of the template's.
    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)
    source = copy.deepcopy(dict(template))
    for logical_id, resource in source["Resources"].items():
        _place_code(resource)
        # SAM renames layers after their content; as sam does, keep what they were called.
        resource.setdefault("Metadata", {})[SOURCE_ID] = logical_id
    # Managed policies have no meaning here, so their ARNs need not be asked from IAM.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        translated: dict[str, Any] = translator.translate(
            source, dict(parameters), passthrough_metadata=True
        )
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise ConfigurationError(f"SAM refuses the template: {causes}") from error
    finally:
        translator.metrics.publish()  # to nobody; unpublished, it complains at exit
    return translated


def _place_code(resource: Mapping[str, Any]) -> None:
    name = _CODE_PROPERTIES.get(str(resource.get("Type")))
    properties = resource.get("Properties") or {}
    folder = properties.get(name)
    if isinstance(folder, str) and not folder.startswith("s3://"):
        properties[name] = f"s3://{CHECKOUT_BUCKET}/{folder}"
