"""Endpoints of the stand-in server behind a gateway, and clients for them."""

from __future__ import annotations

import contextlib
import io
import sys
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.functions.logs import LogLine
from localcloud.gateway.application import Gateway
from localcloud.gateway.upstream import Upstream
from localcloud.sagemaker.application import application
from localcloud.sagemaker.endpoints import Endpoints, Invocation
from localcloud.sagemaker.spec import EndpointSpec, Program, VariantSpec
from localcloud.serving import Address, serving
from tests.localcloud.gateway.aws import client

SERVER = Program(
    command=(sys.executable, str(Path(__file__).with_name("model_server.py"))),
    folder=Path(__file__).parent,
)


def package(**files: str) -> bytes:
    """A model.tar.gz with these files; a dash in a name is a dot in the file's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def endpoint(name: str, **variant: Any) -> EndpointSpec:
    """An endpoint of one variant."""
    return EndpointSpec(name=name, variants=(VariantSpec(name="main", **variant),))


@dataclass(slots=True)
class Served:
    """Endpoints behind a gateway, and what has been seen of them."""

    endpoints: Endpoints
    gateway: Gateway
    address: Address
    lines: list[LogLine]
    invocations: list[Invocation]
    _clients: dict[int, Any] = field(default_factory=dict)

    def client(self, attempts: int = 1) -> Any:
        """A client of SageMaker's runtime."""
        if attempts not in self._clients:
            self._clients[attempts] = client(
                "sagemaker-runtime", self.address.url, attempts=attempts
            )
        return self._clients[attempts]

    def close(self) -> None:
        for made in self._clients.values():
            made.close()


@contextlib.asynccontextmanager
async def served(
    folder: Path, *specs: EndpointSpec, program: Program = SERVER, **options: Any
) -> AsyncIterator[Served]:
    """Serve these endpoints for as long as the block runs."""
    lines: list[LogLine] = []
    invocations: list[Invocation] = []
    async with Endpoints(
        program,
        folder=folder / "models",
        log_folder=folder / "logs",
        on_line=lines.append,
        observe=invocations.append,
        **options,
    ) as endpoints:
        await endpoints.create(specs)
        # Nothing here is for moto: port 9 refuses.
        gateway = Gateway(Upstream("127.0.0.1", 9), {"sagemaker-runtime": application(endpoints)})
        async with serving(gateway) as address:
            made = Served(endpoints, gateway, address, lines, invocations)
            try:
                yield made
            finally:
                made.close()
