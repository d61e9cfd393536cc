"""Cases tried in a runtime that has the layers in /opt: here under Lambda's own client, or there.

What runs is a `Runtime`, so that the same cases prove a layer on this machine and in the cloud.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from millrace.lambda_layers.cases import Case, Kind, differs
from millrace.lambda_layers.results import Result, Status
from millrace.lambda_layers.tree import Entry

PROBE = Path(__file__).with_name("probe.py")
_GROUPS = {Kind.IMPORT: "imports", Kind.COLD_START: "cold-start", Kind.HANDLER: "handlers"}
_KB = 1024
_TOLD = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What is run: a handler in a folder of code, which is all that there is beside the layers.

    `code` may be a single module; `beside` are files that go beside the handler.
    """

    handler: str
    code: Path
    beside: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 30
    memory_mb: int = 512

    def files(self) -> dict[str, Path]:
        """Every file of its code, by the path that it has in the function."""
        found = {one.name: one for one in self.beside}
        if not self.code.is_dir():
            return {**found, self.code.name: self.code}
        for path in sorted(self.code.rglob("*")):
            if path.is_file() and path.parent.name != "__pycache__":
                found[path.relative_to(self.code).as_posix()] = path
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """A function's answer; `error` is the errorType of what it failed with, `log` its last lines.

    `duration_ms` is by the clock on the wall; `init_ms` what the cloud says of the cold start.
    """

    payload: bytes
    error: str | None = None
    log: str = ""
    duration_ms: float = 0.0
    init_ms: float | None = None


class Runtime(Protocol):
    """Runs functions with the layers in /opt."""

    @property
    def how(self) -> str:
        """What it is, for people: how much a result of it proves."""
        ...

    @property
    def probe(self) -> Path:
        """The code that tries modules in it, a handler called `handler`."""
        ...

    @property
    def mount(self) -> str:
        """The folder where the layers are: /opt, but where nothing can be mounted."""
        ...

    def call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        """The answers to some events, one after the other, of a process that is fresh."""
        ...


def defaults(entries: Iterable[Entry], modules: Sequence[str]) -> list[Case]:
    """What is tried where no file says it: every module at the top of the layers by itself, and the
    cold start with `modules`, or all of them. For packages of npm `modules` are all there is.
    """
    paths = [one.path for one in entries]
    names = sorted({name for name in map(_top, paths) if name is not None}) or list(modules)
    found = [Case(name=name, kind=Kind.IMPORT, modules=(name,)) for name in names]
    imported = tuple(modules or names)
    if imported:
        client = _client(paths) if "boto3" in imported else None
        label = f"all imports, and a client of {client}" if client else "all imports"
        found.append(Case(name=label, kind=Kind.COLD_START, modules=imported, client=client))
    return found


def _top(path: str) -> str | None:
    """The module at the top that a file shows to be there; namespaces show none."""
    parts = path.split("/")
    if parts[0] != "python" or len(parts) not in (2, 3):
        return None
    name = parts[1]
    if len(parts) == 2:
        name, _, kind = name.partition(".")
        return name if kind == "py" or kind.endswith("so") else None
    return name if parts[2] == "__init__.py" else None


def _client(paths: Iterable[str]) -> str | None:
    """A service that botocore still knows: DynamoDB, if it may be."""
    prefix = "python/botocore/data/"
    services = {path.split("/")[3] for path in paths if path.startswith(prefix)}
    known = sorted(name for name in services if ".json" not in name)
    return "dynamodb" if "dynamodb" in known else next(iter(known), None)


def run(runtime: Runtime, cases: Iterable[Case]) -> Iterator[Result]:
    """Try each case; results come as they are there."""
    for case in cases:
        if case.kind is Kind.HANDLER:
            yield from _handled(runtime, case)
        else:
            yield _probed(runtime, case)


def _probed(runtime: Runtime, case: Case) -> Result:
    event = {"modules": list(case.modules), "client": case.client}
    function = Function(
        handler=f"{runtime.probe.stem}.handler",
        code=runtime.probe,
        environment=case.environment,
        timeout_s=case.timeout_s,
        memory_mb=case.memory_mb,
    )
    turns = case.processes if case.kind is Kind.COLD_START else 1
    found: list[dict[str, Any]] = []
    group = _GROUPS[case.kind]
    for _ in range(turns):
        (answer,) = runtime.call(function, [json.dumps(event).encode()])
        told = _read(answer)
        problem = told.get("error")
        if problem:
            return Result(group, case.name, Status.FAILED, _with_log(str(problem), answer))
        found.append({**told, "wall_ms": answer.duration_ms, "init_ms": answer.init_ms})
    return _judged(case, group, found, runtime.mount)


def _read(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.payload)
    except ValueError:
        told = None
    if answer.error is not None or not isinstance(told, dict):
        said = told.get("errorMessage") if isinstance(told, dict) else None
        return {"error": f"{answer.error}: {said or 'no answer'}"}
    return told


def _judged(case: Case, group: str, found: Sequence[Mapping[str, Any]], mount: str) -> Result:
    figures = {
        name: min(float(one[key]) for one in found)
        for name, key in (
            ("total_ms", "total_ms"),
            ("import_ms", "import_ms"),
            ("wall_ms", "wall_ms"),
        )
    }
    figures["peak_mb"] = min(float(one["peak_kb"]) for one in found) / _KB
    inits = [float(one["init_ms"]) for one in found if one["init_ms"] is not None]
    if inits:
        figures["init_ms"] = min(inits)
    limit = case.at_most_ms
    if limit is not None and figures["total_ms"] > limit:
        words = f"{figures['total_ms']:,.0f} ms of the processor, of at most {limit:,.0f} ms"
        return Result(group, case.name, Status.FAILED, words, figures)
    elsewhere = [
        f"{name} comes from {place}"
        for name, place in dict(found[-1].get("places", {})).items()
        if not str(place).startswith(f"{mount}/")
    ]
    if elsewhere:
        words = f"not of the layer: {'; '.join(elsewhere)}"
        return Result(group, case.name, Status.WARNING, words, figures)
    return Result(group, case.name, Status.PASSED, str(found[-1]["runtime"]), figures)


def _handled(runtime: Runtime, case: Case) -> Iterator[Result]:
    assert case.code is not None
    function = Function(
        handler=case.handler,
        code=case.code,
        beside=case.files,
        environment=case.environment,
        timeout_s=case.timeout_s,
        memory_mb=case.memory_mb,
    )
    payloads = [path.read_bytes() for path in case.events] or [b"{}"]
    labels = [f"{case.name} [{path.name}]" for path in case.events] or [case.name]
    answers = runtime.call(function, payloads)
    for label, answer in zip(labels, answers, strict=True):
        problem = _wrong(case, answer)
        figures = {"wall_ms": answer.duration_ms}
        status = Status.FAILED if problem else Status.PASSED
        yield Result(_GROUPS[case.kind], label, status, problem or "", figures)


def _wrong(case: Case, answer: Answer) -> str | None:
    """What is wrong with a handler's answer, if anything."""
    if case.error is not None:
        if answer.error == case.error:
            return None
        return _with_log(f"it ended with {answer.error or 'an answer'}, not {case.error}", answer)
    if answer.error is not None:
        return _with_log(str(_read(answer)["error"]), answer)
    if case.expect is None:
        return None
    try:
        return differs(json.loads(answer.payload), case.expect)
    except ValueError:
        return f"the answer is no JSON: {answer.payload[:100]!r}"


def _with_log(problem: str, answer: Answer) -> str:
    log = answer.log.strip()[-_TOLD:]
    return f"{problem}\n{log}" if log else problem
