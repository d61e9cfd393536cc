"""Makes a template's resources run on this machine, and removes them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from millrace.errors import LocalCloudError, MillraceError, StartupError, UnsupportedResource

from localcloud.stack.aws import Aws
from localcloud.stack.intrinsics import Conditions, Resolver
from localcloud.stack.model import (
    AlarmResource,
    EndpointResource,
    FeatureGroupResource,
    FunctionResource,
    HttpApiResource,
    LayerResource,
    MappingResource,
    QualifierResource,
    Resource,
    RouteResource,
    StageResource,
)
from localcloud.stack.order import creation_order
from localcloud.stack.parameters import ParameterValue, resolve_parameters
from localcloud.stack.place import Place
from localcloud.stack.properties import Properties
from localcloud.stack.rules import check_rules
from localcloud.stack.sam import translate
from localcloud.stack.template import load_template
from localcloud.stack.types import NO_OPS, SUPPORTED
from localcloud.stack.types.kind import Creation, Made

_D = TypeVar("_D")
_KNOWN_ATTRIBUTES = frozenset(
    # The policies: a local stack is never updated and keeps nothing.
    {"Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type"}
    | {"UpdatePolicy", "UpdateReplacePolicy"}
)


@dataclass(slots=True)
class Stack:
    """Resources that were made from a template; `down` removes them."""

    place: Place
    parameters: Mapping[str, ParameterValue]
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    _made: list[tuple[str, Made]] = field(default_factory=list)

    @property
    def functions(self) -> Mapping[str, FunctionResource]:
        """Lambda functions by logical id."""
        return {item.logical_id: item for item in self._details(FunctionResource)}

    @property
    def layers(self) -> Mapping[str, LayerResource]:
        """Lambda layers by the name that they have in the template."""
        return {item.logical_id: item for item in self._details(LayerResource)}

    @property
    def mappings(self) -> tuple[MappingResource, ...]:
        """Event source mappings, resolved."""
        return tuple(self._details(MappingResource))

    @property
    def http_apis(self) -> tuple[HttpApiResource, ...]:
        """HTTP APIs with their routes, those that are resources of their own included."""
        own = tuple(self._details(RouteResource))
        return tuple(
            replace(api, routes=(*api.routes, *(r.route for r in own if r.api_id == api.api_id)))
            for api in self._details(HttpApiResource)
        )

    @property
    def stages(self) -> tuple[StageResource, ...]:
        """Stages of the HTTP APIs."""
        return tuple(self._details(StageResource))

    @property
    def feature_groups(self) -> tuple[FeatureGroupResource, ...]:
        """SageMaker feature groups."""
        return tuple(self._details(FeatureGroupResource))

    @property
    def endpoints(self) -> tuple[EndpointResource, ...]:
        """SageMaker endpoints with their variants and models."""
        return tuple(self._details(EndpointResource))

    @property
    def alarms(self) -> tuple[AlarmResource, ...]:
        """CloudWatch alarms."""
        return tuple(self._details(AlarmResource))

    @property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        """The versions and aliases of each function, by the function's name."""
        found: dict[str, tuple[str, ...]] = {}
        for item in self._details(QualifierResource):
            found[item.function_name] = (*found.get(item.function_name, ()), item.qualifier)
        return found

    def _details(self, kind: type[_D]) -> Iterator[_D]:
        for resource in self.resources.values():
            if isinstance(resource.detail, kind):
                yield resource.detail

    def ref(self, name: str) -> object:
        """What `Ref name` gives: a pseudo parameter, a parameter or a resource, else KeyError."""
        if name.startswith("AWS::"):
            return self._pseudo()[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.resources[name].ref

    def attribute(self, logical_id: str, name: str) -> object:
        """What Fn::GetAtt gives, else KeyError."""
        return self.resources[logical_id].attributes[name]

    def _pseudo(self) -> Mapping[str, object]:
        return {
            "AWS::AccountId": self.place.account_id,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.place.region,
            "AWS::StackId": self.place.stack_id,
            "AWS::StackName": self.place.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def down(self, aws: Aws) -> None:
        """Remove every resource, the last one first; a second call finds nothing to do.

        Raises:
            LocalCloudError: some could not be removed; the others were.
        """
        failures: list[str] = []
        while self._made:
            logical_id, made = self._made.pop()
            if made.undo is not None:
                try:
                    made.undo(aws)
                except Exception as error:  # whatever it is, the others must go
                    failures.append(f"{logical_id}: {error}")
        self.resources.clear()
        if failures:
            raise LocalCloudError(f"Not everything could be removed: {'; '.join(failures)}")


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one resource: `meaning` is what it is here, or why it is nothing."""

    logical_id: str
    type: str
    meaning: str


def plan(
    template_path: Path, place: Place, overrides: Mapping[str, str] | None = None
) -> tuple[Step, ...]:
    """What `deploy` would make, in its order; nothing is called and nothing made.

    Raises:
        ConfigurationError, UnsupportedResource: as `deploy`, as far as it can be seen beforehand.
    """
    bodies = _Blueprint.draw(template_path, place, overrides).bodies
    kinds = ((logical_id, str(body["Type"])) for logical_id, body in bodies.items())
    return tuple(Step(logical_id, kind, _meaning(kind)) for logical_id, kind in kinds)


def _meaning(kind: str) -> str:
    if kind in NO_OPS:
        return f"nothing: {NO_OPS[kind].why}"
    return SUPPORTED[kind].becomes


def deploy(
    template_path: Path, place: Place, aws: Aws, overrides: Mapping[str, str] | None = None
) -> Stack:
    """Make everything that the template describes, in the order in which it is needed.

    Blocks while AWS is called: from an event loop that serves those calls, run it in a thread.
    If a resource fails, those made before it are removed again.

    Raises:
        ConfigurationError: the template or an override is wrong.
        UnsupportedResource: the template holds something that the local cloud does not know.
        StartupError: a resource could not be made.
    """
    blueprint = _Blueprint.draw(template_path, place, overrides)
    stack = blueprint.stack
    try:
        for logical_id, body in blueprint.bodies.items():
            _make(stack, blueprint.resolver, aws, logical_id, body)
        stack.outputs.update(_outputs(blueprint.outputs, blueprint.resolver))
    except BaseException as error:  # an interrupt as well: nothing half made may stay behind
        try:
            stack.down(aws)
        except LocalCloudError as left_over:
            error.add_note(str(left_over))
        raise
    return stack


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """A checked template: `bodies` are its resources whose conditions hold, in order."""

    stack: Stack
    resolver: Resolver
    bodies: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def draw(
        cls, template_path: Path, place: Place, overrides: Mapping[str, str] | None
    ) -> _Blueprint:
        source = load_template(template_path)
        parameters = resolve_parameters(source.get("Parameters", {}), overrides or {})
        template = translate(source, parameters, place.region)
        resources = template["Resources"]
        for logical_id, body in resources.items():
            _check_known(logical_id, body)
        stack = Stack(place, parameters)
        mappings = template.get("Mappings", {})
        conditions = Conditions(template.get("Conditions", {}), stack, mappings)
        resolver = Resolver(stack, conditions, mappings)
        check_rules(source.get("Rules", {}), resolver)
        bodies = {name: resources[name] for name in creation_order(resources, resolver)}
        return cls(stack, resolver, bodies, template.get("Outputs", {}))


def _check_known(logical_id: str, body: Mapping[str, Any]) -> None:
    kind = str(body.get("Type"))
    if kind not in SUPPORTED and kind not in NO_OPS:
        raise UnsupportedResource(
            f"{logical_id} has type {kind}, which the local cloud does not know. It makes "
            f"{', '.join(sorted(SUPPORTED))}; it accepts {', '.join(sorted(NO_OPS))}."
        )
    for attribute in body:
        if attribute not in _KNOWN_ATTRIBUTES:
            raise UnsupportedResource(
                f"{logical_id} ({kind}) has the attribute {attribute}, which the local cloud does "
                f"not know."
            )


def _make(
    stack: Stack, resolver: Resolver, aws: Aws, logical_id: str, body: Mapping[str, Any]
) -> None:
    kind = str(body["Type"])
    if kind in NO_OPS:
        name = stack.place.name(logical_id)
        attributes = NO_OPS[kind].attributes(name, stack.place)
        stack.resources[logical_id] = Resource(
            logical_id, kind, name, attributes, no_op=NO_OPS[kind].why
        )
        return
    where = f"{logical_id} ({kind})"
    properties = resolver.value(body.get("Properties", {}), logical_id)
    metadata = resolver.value(body.get("Metadata", {}), logical_id)
    assert isinstance(properties, Mapping)
    assert isinstance(metadata, Mapping)
    creation = Creation(
        logical_id, Properties(properties, where), metadata, stack.place, aws, stack.resources
    )
    try:
        made = SUPPORTED[kind].make(creation)
    except MillraceError:
        raise
    except Exception as error:  # botocore's errors, and those of a connection
        raise StartupError(f"{where} could not be made: {error}") from error
    stack._made.append((logical_id, made))
    creation.properties.ignore(SUPPORTED[kind].ignored)
    creation.properties.done()
    stack.resources[logical_id] = Resource(logical_id, kind, made.ref, made.attributes, made.detail)


def _outputs(
    declared: Mapping[str, Mapping[str, Any]], resolver: Resolver
) -> Iterator[tuple[str, str]]:
    for name, body in declared.items():
        condition = body.get("Condition")
        if condition is None or resolver.conditions.holds(str(condition)):
            yield name, str(resolver.value(body["Value"], f"Outputs.{name}"))
