"""Operations on functions: their configuration, code and published versions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.lambda_control.errors import Conflict, InvalidValue, NotFound, StaleRevision
from localcloud.lambda_control.names import Where, function_name, layer_name
from localcloud.lambda_control.paging import answer, page
from localcloud.lambda_control.state import Configuration, Function, World, revision

Members = Mapping[str, Any]
MOST_LAYERS = 5
LATEST = "$LATEST"
# What the lists leave out, as Lambda's own do.
_NOT_LISTED = ("State", "LastUpdateStatus", "RuntimeVersionConfig")
# What a request may set and an answer shows as it is.
_SETTINGS = ("Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize")
_OWN_OF_A_VERSION = ("FunctionArn", "Version", "RevisionId", "LastModified", "Description")


def create(world: World, caller: Where, members: Members) -> Configuration:
    """CreateFunction."""
    name, _ = function_name(members["FunctionName"])
    home = world.home(caller)
    if name in home.functions:
        raise Conflict(f"Function already exist: {name}")
    code = _code(world, caller, members["Code"])
    latest: Configuration = {
        "FunctionName": name,
        "FunctionArn": caller.arn("function", name),
        "Role": members["Role"],
        "CodeSize": len(code),
        "CodeSha256": _sha256(code),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Version": LATEST,
        "PackageType": members.get("PackageType", "Zip"),
        "Architectures": members.get("Architectures", ["x86_64"]),
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    latest |= _settings(world, caller, members)
    function = Function(latest, tags=dict(members.get("Tags", {})))
    _touch(world, latest)
    home.functions[name] = function
    return publish(world, caller, members) if members.get("Publish") else dict(latest)


def get(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """GetFunction."""
    function, configuration = _qualified(world, caller, members)
    found = {
        "Configuration": configuration,
        "Code": {"RepositoryType": "S3", "Location": "/content/none"},
    }
    return found | ({"Tags": function.tags} if function.tags else {})


def get_configuration(world: World, caller: Where, members: Members) -> Configuration:
    """GetFunctionConfiguration."""
    return _qualified(world, caller, members)[1]


def list_functions(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """ListFunctions; with FunctionVersion=ALL every version of each, `$LATEST` first."""
    home = world.home(caller)
    every = members.get("FunctionVersion") == "ALL"

    def rows() -> Iterator[tuple[str, Configuration]]:
        for name, function in home.functions.items():
            yield f"{name}\1", function.latest
            if every:
                for number, version in function.versions.items():
                    yield f"{name}\1{number:08d}", version

    found, marker = page(rows(), members, f"functions {every}")
    return answer("Functions", [_listed(one, qualified=every) for one in found], marker)


def list_versions(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """ListVersionsByFunction."""
    function = found(world, caller, members["FunctionName"])[0]
    rows = [("", function.latest)]
    rows += [(f"{number:08d}", version) for number, version in function.versions.items()]
    scope = f"versions of {function.latest['FunctionName']}"
    keyed = ((f"-{key}", value) for key, value in rows)
    configurations, marker = page(keyed, members, scope)
    return answer("Versions", list(map(_listed, configurations)), marker)


def update_configuration(world: World, caller: Where, members: Members) -> Configuration:
    """UpdateFunctionConfiguration: refused while another update is in progress."""
    function, _ = found(world, caller, members["FunctionName"])
    _require_free(world, function)
    _require_revision(members, function.latest)
    settings = _settings(world, caller, members)
    function.latest.update(settings)
    if members.get("Layers") == []:
        function.latest.pop("Layers", None)
    return _updated(world, function)


def update_code(world: World, caller: Where, members: Members) -> Configuration:
    """UpdateFunctionCode."""
    function, name = found(world, caller, members["FunctionName"])
    _require_free(world, function)
    _require_revision(members, function.latest)
    code = _code(world, caller, members)
    function.latest |= {"CodeSize": len(code), "CodeSha256": _sha256(code)}
    if members.get("Architectures"):
        function.latest["Architectures"] = members["Architectures"]
    updated = _updated(world, function)
    return publish(world, caller, {"FunctionName": name}) if members.get("Publish") else updated


def publish(world: World, caller: Where, members: Members) -> Configuration:
    """PublishVersion: the version there is where nothing has changed since."""
    function, name = found(world, caller, members["FunctionName"])
    _require_free(world, function)
    _require_revision(members, function.latest)
    wanted = members.get("CodeSha256")
    if wanted and wanted != function.latest["CodeSha256"]:
        raise InvalidValue(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
            f"({function.latest['CodeSha256']}). Please try again with the CodeSHA256 in $LATEST."
        )
    newest = function.versions.get(function.last)
    if newest is not None and _content(newest) == _content(function.latest):
        return dict(newest)
    function.last += 1
    version = {
        **function.latest,
        "Version": str(function.last),
        "FunctionArn": caller.arn("function", f"{name}:{function.last}"),
        "RevisionId": revision(),
    }
    if members.get("Description") is not None:
        version["Description"] = members["Description"]
    function.versions[function.last] = version
    return dict(version)


def delete(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """DeleteFunction: a version, or all of it."""
    name, qualifier = function_name(members["FunctionName"], members.get("Qualifier"))
    function = found(world, caller, name)[0]
    if qualifier is None:
        del world.home(caller).functions[name]
        return {}
    users = [a["Name"] for a in function.aliases.values() if qualifier in _targets(a)]
    if users:
        raise Conflict(f"Version {qualifier} of {name} is in use by aliases: {', '.join(users)}.")
    if not qualifier.isdigit() or function.versions.pop(int(qualifier), None) is None:
        raise NotFound(f"Function not found: {caller.arn('function', f'{name}:{qualifier}')}")
    return {}


def found(world: World, caller: Where, text: str) -> tuple[Function, str]:
    """A function and its bare name. Raises NotFound."""
    name, _ = function_name(text)
    function = world.home(caller).functions.get(name)
    if function is None:
        raise NotFound(f"Function not found: {caller.arn('function', name)}")
    return function, name


def _qualified(world: World, caller: Where, members: Members) -> tuple[Function, Configuration]:
    name, qualifier = function_name(members["FunctionName"], members.get("Qualifier"))
    function = found(world, caller, name)[0]
    number = qualifier
    if qualifier in function.aliases:
        number = function.aliases[qualifier]["FunctionVersion"]
    if number in (None, LATEST):
        _settle(world, function)
        return function, dict(function.latest)
    version = function.versions.get(int(number)) if number and number.isdigit() else None
    if version is None:
        raise NotFound(f"Function not found: {caller.arn('function', f'{name}:{qualifier}')}")
    return function, dict(version)


def _targets(alias: Configuration) -> set[str]:
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return {alias["FunctionVersion"], *weights}


def _settings(world: World, caller: Where, members: Members) -> Configuration:
    settings = {name: members[name] for name in _SETTINGS if name in members}
    if members.get("Environment"):
        settings["Environment"] = {"Variables": members["Environment"].get("Variables", {})}
    if members.get("Layers"):
        settings["Layers"] = _layers(world, caller, members["Layers"])
    for name in ("VpcConfig", "TracingConfig", "EphemeralStorage", "LoggingConfig"):
        if members.get(name):
            settings[name] = members[name]
    if members.get("SnapStart"):
        settings["SnapStart"] = {**members["SnapStart"], "OptimizationStatus": "Off"}
    return settings


def _layers(world: World, caller: Where, arns: list[str]) -> list[dict[str, Any]]:
    """What a function is given, if there is all of it and the caller may read it."""
    if len(arns) > MOST_LAYERS:
        raise InvalidValue(f"Cannot reference more than {MOST_LAYERS} layers.")
    named = [layer_name(arn, caller) for arn in arns]
    if len({(one.where, one.name) for one in named}) < len(named):
        raise InvalidValue(
            "Two different versions of the same layer are not allowed to be referenced in the same "
            "function."
        )
    layers = []
    for arn, one in zip(arns, named, strict=True):
        if one.where.region != caller.region or one.version is None:
            raise InvalidValue(f"Layer version {arn} is no layer version of {caller.region}.")
        try:
            version = world.layer_version(one, caller, one.version)
        except NotFound as error:
            raise InvalidValue(f"Layer version {arn} does not exist.") from error
        layers.append({"Arn": arn, "CodeSize": len(version.content)})
    return layers


def _require_free(world: World, function: Function) -> None:
    _settle(world, function)
    if function.latest["LastUpdateStatus"] == "InProgress":
        raise Conflict(
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {function.latest['FunctionArn']}"
        )


def _settle(world: World, function: Function) -> None:
    if world.now().timestamp() >= function.busy_until_s:
        function.latest["LastUpdateStatus"] = "Successful"


def _updated(world: World, function: Function) -> Configuration:
    function.busy_until_s = world.now().timestamp() + world.update_s
    function.latest["LastUpdateStatus"] = "InProgress"
    _touch(world, function.latest)
    return dict(function.latest)


def _touch(world: World, latest: Configuration) -> None:
    latest["LastModified"] = world.stamp()
    latest["RevisionId"] = revision()


def _require_revision(members: Members, latest: Configuration) -> None:
    if members.get("RevisionId") and members["RevisionId"] != latest["RevisionId"]:
        raise StaleRevision


def _listed(configuration: Configuration, *, qualified: bool = True) -> Configuration:
    """As lists show it: among versions `$LATEST` has its name in the ARN as well."""
    shown = {name: value for name, value in configuration.items() if name not in _NOT_LISTED}
    if qualified and shown["Version"] == LATEST:
        shown["FunctionArn"] += f":{LATEST}"
    return shown


def _content(configuration: Configuration) -> Configuration:
    skipped = (*_OWN_OF_A_VERSION, *_NOT_LISTED)
    return {name: value for name, value in configuration.items() if name not in skipped}


def _code(world: World, caller: Where, code: Members) -> bytes:
    if "ZipFile" in code:
        return bytes(code["ZipFile"])
    if world.read_object is not None and {"S3Bucket", "S3Key"} <= set(code):
        return world.read_object(caller.account, code["S3Bucket"], code["S3Key"])
    if code.get("ImageUri"):
        return str(code["ImageUri"]).encode()
    raise InvalidValue("Please provide a source for function code.")


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
