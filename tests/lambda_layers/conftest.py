"""A place to build in: packages, a function's code, and an order for a layer of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order

from tests.architecture.interpreters import found
from tests.lambda_layers.wheels import elf, lock, wheel

HOST = "python3.11" if "3.11" in found() else f"python{next(iter(found()))}"

SERVICES = ("dynamodb", "s3", "sqs")


def data(*services: str) -> dict[str, str]:
    """botocore's data of some services."""
    return {
        f"botocore/data/{name}/2020-01-01/{file}": "{}"
        for name in services
        for file in ("service-2.json", "examples-1.json")
    }


class Place:
    """A folder with packages as wheels, a function's code, and what is built of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.code = folder / "code"
        self.output = folder / "built"
        self.wheels.mkdir()
        self.code.mkdir()

    def order(self, *wheels: Path, runtime: str = HOST, architecture: str = "x86_64") -> Order:
        """An order for a layer of these."""
        return Order(
            source=lock(self.folder, *wheels),
            target=Target(runtime, architecture),
            output=self.output,
            code=(self.code,),
            index=("--no-index", f"--find-links={self.wheels}"),
            processes=0,
        )

    def usual(self) -> Order:
        """A layer of botocore, more or less, and of a package with everything in it."""
        botocore = wheel(
            self.wheels,
            "botocore",
            {"botocore/__init__.py": "", "botocore/data/endpoints.json": "{}", **data(*SERVICES)},
        )
        thing = wheel(
            self.wheels,
            "thing",
            {
                "thing/__init__.py": "KNOWN = {'b', 'a', 'c'}\nassert KNOWN\n",
                "thing/native.so": elf("x86_64"),
                "thing/native.h": "int x;",
                "thing/libthing.a": "!<arch>",
                "thing/__init__.pyi": "KNOWN: set[str]",
                "thing/tests/test_thing.py": "import thing",
                "thing/__pycache__/__init__.cpython-39.pyc": b"stale",
            },
        )
        self.write("app.py", "import boto3, thing, botocore\nboto3.client('s3')\n")
        return replace(self.order(botocore, thing), services=("sqs",))

    def write(self, name: str, text: str) -> None:
        """Write a module of the function."""
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place to build in."""
    return Place(tmp_path)
