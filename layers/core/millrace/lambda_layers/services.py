"""Which AWS services the functions call, read off their syntax trees.

A service is the first argument of `client(…)`, `resource(…)` or `create_client(…)`. The functions'
own modules count, and so does what they import out of the layer: Powertools' parameters make an SSM
client of their own. What `client` is, is followed through the imports, for other clouds' SDKs have
a function of that name as well.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from millrace.errors import LayerError
from millrace.lambda_layers.modules import Module, Modules

SDK = ("boto3", "botocore", "s3transfer", "aioboto3", "aiobotocore")
_MAKERS = {"client", "resource", "create_client", "_client", "_resource"}


@dataclass(frozen=True, slots=True)
class Used:
    """What the code calls.

    Attributes:
        services: service → where it is called, as file:line.
        undetermined: where the service is no constant, and the allow-list must name it.
    """

    services: Mapping[str, tuple[str, ...]]
    undetermined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Call:
    service: str | None
    place: str
    code: bool


def used(
    code: Mapping[str, bytes],
    packages: Mapping[str, bytes],
    library: Mapping[str, bytes] | None = None,
) -> Used:
    """What the code calls, by itself, through a library of ours and packages: sources by path.

    >>> used({"app.py": b"import boto3\\nboto3.client('s3')"}, {}).services
    {'s3': ('app.py:2',)}
    """
    modules = Modules(code, packages, library)
    calls = [call for one in modules.reached(SDK) for call in _calls(one, modules)]
    services: dict[str, list[str]] = {}
    for call in calls:
        if call.service is not None:
            services.setdefault(call.service, []).append(call.place)
    # What a package leaves open is its users' choice, and stands in theirs.
    undetermined = tuple(call.place for call in calls if call.service is None and call.code)
    return Used({name: tuple(services[name]) for name in sorted(services)}, undetermined)


def shape(code: Mapping[str, bytes], library: Mapping[str, bytes]) -> Iterator[str]:
    """All of the code that `used` looks at, whatever packages there are: imports, and clients.

    >>> list(shape({"app.py": b"import boto3\\nboto3.client('s3')"}, {}))
    ['app.py imports boto3', "app.py:2 's3'"]
    """
    for module in Modules(code, {}, library).reached(SDK):
        yield f"{module.place} imports {' '.join(sorted(module.imports))}"
        constants = dict(_constants(module.tree))
        names = {*_MAKERS, *_named_makers(module)}
        for node in module.nodes:
            if isinstance(node, ast.Call) and _name(node.func) in names:
                argument = _argument(node)
                told = None if argument is None else _text(argument, constants)
                yield f"{module.place}:{node.lineno} {told!r}"
        for call in _passed_on(module, constants):
            yield f"{call.place} passes on {call.service!r}"


def _name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else None


def kept(
    used: Used, allowed: Collection[str], known: Collection[str], code: Collection[str]
) -> frozenset[str]:
    """The services whose data stays. Raises LayerError for one that botocore does not know.

    `code` are the paths of the functions' own modules: only what those call must be there.
    """
    for service in sorted({*used.services, *allowed} - set(known)):
        places = [at for at in used.services.get(service, ()) if at.rpartition(":")[0] in code]
        if places or service in allowed:
            where = f"called at {', '.join(places)}" if places else "in the allow-list"
            near = get_close_matches(service, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else "Lock a botocore that knows it."
            raise LayerError(f"The layer's botocore has no service {service!r} ({where}). {hint}")
    return frozenset({*used.services, *allowed} & set(known))


def _calls(module: Module, modules: Modules) -> Iterator[_Call]:
    named = _named_makers(module)
    constants = dict(_constants(module.tree))
    wrappers = _wrappers(module)
    for node in module.nodes:
        if not isinstance(node, ast.Call) or not _makes(node, module, named, modules):
            continue
        argument = _argument(node)
        spread = any(one.arg is None for one in node.keywords)  # f(**options) may name it
        if (argument is None and not spread) or id(node) in wrappers:
            continue
        service = None if argument is None else _text(argument, constants)
        yield _Call(service, f"{module.place}:{node.lineno}", module.code)
    yield from _passed_on(module, constants)


def _named_makers(module: Module) -> dict[str, ast.AST | None]:
    """Names that stand for a maker of the SDK, imported or assigned, and what they are assigned."""
    if not _knows_sdk(module):
        return {}
    found: dict[str, ast.AST | None] = {
        name: None
        for name, whole in module.bindings.items()
        if whole.partition(".")[0] in SDK and whole.rpartition(".")[2] in _MAKERS
    }
    for node in module.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _refers(value, module):
                found[name] = value
    return found


def _refers(node: ast.AST, module: Module) -> bool:
    """Whether it is a maker of the SDK by its module, as boto3.client is."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in _MAKERS:
            return module.bindings.get(name, "").partition(".")[0] in SDK
    return False


def _passed_on(module: Module, constants: Mapping[str, str]) -> Iterator[_Call]:
    """Makers that are not called where they stand, but given to something else to call.

    Of partial(boto3.client, "s3") the service can be seen; of others the allow-list must tell it.
    """
    if not _knows_sdk(module):
        return
    named = _named_makers(module)
    known = {id(value) for value in named.values()}
    known |= {id(node.func) for node in module.nodes if isinstance(node, ast.Call)}
    services: dict[int, str | None] = {}
    for node in module.nodes:
        match node:
            case ast.Call(func=func, args=[first, second, *_]) if _name(func) == "partial":
                services[id(first)] = _text(second, constants)
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=name), *_]):
                loose = module.bindings.get(name, "").partition(".")[0] in SDK
            case ast.Name(id=name, ctx=ast.Load()):
                loose = name in named and id(node) not in known
            case ast.Attribute():
                loose = _refers(node, module) and id(node) not in known
            case _:
                continue
        if loose:
            place = f"{module.place}:{node.lineno}"
            yield _Call(services.get(id(node)), place, module.code)


def _makes(call: ast.Call, module: Module, named: Collection[str], modules: Modules) -> bool:
    """Whether a call makes a client of AWS, as far as one can tell."""
    bound = module.bindings
    match call.func:
        case ast.Name(id=name) if name in named:
            return True
        case ast.Name(id=name) if name in _MAKERS:
            maker = bound.get(name, f"{module.name}.{name}")
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in _MAKERS and name in bound:
            maker = bound[name]
        case ast.Attribute(attr=attr) if attr in _MAKERS:
            return _knows_sdk(module)  # of a session, or of an object that holds one
        case _:
            return False
    if maker.partition(".")[0] in SDK:
        return True
    home = modules.within(maker)
    return home is not None and _knows_sdk(home)


def _knows_sdk(module: Module) -> bool:
    return any(name.partition(".")[0] in SDK for name in module.imports)


def _argument(call: ast.Call) -> ast.expr | None:
    if call.args:
        return call.args[0]
    return next((one.value for one in call.keywords if one.arg == "service_name"), None)


def _text(argument: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(argument, ast.Name):
        return constants.get(argument.id)
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return None


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Texts that have a name of the module."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                yield name, text


def _wrappers(module: Module) -> set[int]:
    """Calls that only pass on the service that a maker of our own is called with."""
    found = set()
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef) and node.name in _MAKERS:
            names = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
            for call in ast.walk(node):
                if isinstance(call, ast.Call):
                    argument = _argument(call)
                    if isinstance(argument, ast.Name) and argument.id in names:
                        found.add(id(call))
    return found
