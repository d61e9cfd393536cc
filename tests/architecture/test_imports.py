"""Who may know whom: the rules of the house, held against every import."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.source import LIBRARY, PACKAGES, ROOT, Module, handlers, known, modules

# Modules that talk to something outside, and are named after it. Everything else in the library
# is pure: state in, state out. A new edge is added here, and nowhere without a reason.
EDGES = {
    "millrace.anomaly.kafka",
    "millrace.anomaly.notifications",
    "millrace.anomaly.oracle",
    "millrace.anomaly.service",  # puts the others together, from an environment
    "millrace.anomaly.sqlite",
    "millrace.anomaly.streaming",
    "millrace.aws",
    "millrace.cold_start",  # this process, and what stands in /opt
    "millrace.database",
    "millrace.dax",
    "millrace.features.dynamodb",
    "millrace.features.feature_store",
    "millrace.features.service",  # puts the others together, from an environment
    "millrace.folder",
    "millrace.inference.archiving",
    "millrace.inference.dax",
    "millrace.inference.dynamodb",
    "millrace.inference.feature_store",
    "millrace.inference.sagemaker",
    "millrace.inference.service",  # likewise
    "millrace.inference.stream",
    "millrace.inference.trying",
    "millrace.ingest",  # HTTP in, stream out
    "millrace.lambda_layers.advisories",  # asks pip-audit
    "millrace.lambda_layers.aws",
    "millrace.lambda_layers.build",  # puts the others together
    "millrace.lambda_layers.cloud_runtime",
    "millrace.lambda_layers.codedeploy",
    "millrace.lambda_layers.compiling",
    "millrace.lambda_layers.given",  # reads what was built
    "millrace.lambda_layers.installing",
    "millrace.lambda_layers.definition",  # makes an order
    "millrace.lambda_layers.evidence",  # CloudWatch
    "millrace.lambda_layers.making",  # puts the steps together
    "millrace.lambda_layers.measuring",
    "millrace.lambda_layers.node_layer",
    "millrace.lambda_layers.npm",
    "millrace.lambda_layers.order",  # asks for the tools that count
    "millrace.lambda_layers.prune",  # asks the account
    "millrace.lambda_layers.probe",  # is deployed by itself, and times itself
    "millrace.lambda_layers.publisher",  # layers, manifests
    "millrace.lambda_layers.python_layer",
    "millrace.lambda_layers.rollout_aliases",
    "millrace.lambda_layers.rollout_aws",
    "millrace.lambda_layers.sam_build",
    "millrace.lambda_layers.stopping",  # a file, a parameter
    "millrace.lambda_layers.scheduled",  # puts the others together
    "millrace.lambda_layers.sbom",  # CycloneDX's library
    "millrace.lambda_layers.scanning",  # puts the others together
    "millrace.lambda_layers.secrets",  # detect-secrets' patterns
    "millrace.lambda_layers.sharer",  # policies of versions
    "millrace.lambda_layers.stripping",
    "millrace.lambda_layers.survey",  # asks the account
    "millrace.oci",
    "millrace.plans.journal_file",
    "millrace.producer",
    "millrace.s3",
    "millrace.streams",
}

# What pure modules may use beside the standard library.
CODECS = {"orjson", "ormsgpack"}
NUMERIC = {"numpy"}
# Only these must start fast and stay without numbers' libraries; what is numeric has its own room.
LIGHT = ("millrace.features", "millrace.inference")
# A KPL aggregate is protobuf; most streams never see one, so it is imported late.
LATE = {("millrace.kinesis", "aws_kinesis_agg"), ("millrace.kinesis", "google")}
# The standard library's doors to the outside: processes, sockets, databases, environment, clock.
DOORS = {
    "asyncio",
    "ftplib",
    "http",
    "multiprocessing",
    "os",
    "select",
    "selectors",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "time",
    "urllib",
}
CLOCKS = {"now", "today", "utcnow"}

HANDLERS_KNOW = {"lambdas": {LIBRARY, "aws_lambda_powertools"}, "oci-fn": {LIBRARY, "fdk"}}
HANDLER_LINES = 60
NEVER_DEPLOYED = {"benchmarks", "cli", "localcloud", "tests"}

PURE = [module for name, module in modules(LIBRARY).items() if name not in EDGES]


def named(module: Module) -> str:
    return module.name


def placed(module: Module) -> str:
    return module.place


@pytest.mark.parametrize("module", PURE, ids=named)
def test_a_pure_module_knows_no_sdk_no_driver_and_no_edge(module: Module) -> None:
    allowed = CODECS if module.name.startswith(LIGHT) else CODECS | NUMERIC
    for found in module.imports():
        where = f"{module.place}:{found.line}"
        assert found.root not in DOORS, f"{where} opens a door: {found.name}"
        assert known(found.name) not in EDGES, f"{where} imports an edge: {found.name}"
        if found.late and (module.name, found.root) in LATE:
            continue
        assert found.root in sys.stdlib_module_names | allowed | {LIBRARY}, f"{where}: {found.name}"


@pytest.mark.parametrize("module", PURE, ids=named)
def test_a_pure_module_is_told_the_time(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            asked = ast.unparse(node)
            assert not asked.startswith(("datetime", "date")), f"{module.place}:{node.lineno}"


@pytest.mark.parametrize("name", sorted(EDGES))
def test_an_edge_is_one(name: str) -> None:
    """It is there, and it knows an SDK, a door or another edge: else it is pure, and not listed."""
    pure = sys.stdlib_module_names | CODECS | {LIBRARY}
    imports = list(modules(LIBRARY)[name].imports())
    outside = {one.root for one in imports} & DOORS | {one.root for one in imports} - pure
    assert outside or any(known(one.name) in EDGES for one in imports)


@pytest.mark.parametrize("handler", handlers(), ids=placed)
class TestHandlers:
    def test_it_knows_the_library_only(self, handler: Module) -> None:
        allowed = HANDLERS_KNOW[handler.place.partition("/")[0]] | sys.stdlib_module_names
        assert {found.root for found in handler.imports()} <= allowed

    def test_it_is_thin(self, handler: Module) -> None:
        lines = handler.path.read_text(encoding="utf-8").count("\n")
        assert lines < HANDLER_LINES


def test_there_are_handlers() -> None:
    assert {ROOT / "lambdas/enrich/app.py", ROOT / "lambdas/ingest/app.py"} <= {
        handler.path for handler in handlers()
    }


@pytest.mark.parametrize("module", [*modules(LIBRARY).values(), *handlers()], ids=placed)
def test_what_is_deployed_knows_nothing_that_is_not(module: Module) -> None:
    assert not {found.root for found in module.imports()} & NEVER_DEPLOYED


@pytest.mark.parametrize("package", ["localcloud", "cli", "benchmarks"])
def test_nothing_but_tests_knows_the_tests(package: str) -> None:
    for module in modules(package).values():
        assert "tests" not in {found.root for found in module.imports()}, module.place


def test_no_import_comes_back_to_where_it_began() -> None:
    graph = {
        module.name: _needed(module) for package in PACKAGES for module in modules(package).values()
    }
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"an import circle: {' → '.join(error.args[1])}")
    assert order.index("millrace.errors") < order.index("millrace.events")


def _needed(module: Module) -> set[str]:
    """The modules of ours that run before this one can: with `a.b.c` also `a` and `a.b`."""
    needed = set()
    for found in module.imports():
        name = known(found.name)
        if name is None or found.late:
            continue
        needed.add(name)
        # The packages around this module itself are running already.
        parents = {name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)}
        needed |= {parent for parent in parents if not module.name.startswith(f"{parent}.")}
    return needed - {module.name}
