"""Which services the code calls: all of them, and none of another cloud's."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import LayerError
from millrace.lambda_layers.definition import read
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import sources
from millrace.lambda_layers.services import Used, kept, shape, used

ROOT = Path(__file__).parents[2]


def called(text: str, **others: str) -> set[str]:
    code = {"app.py": text.encode()}
    code |= {f"{name}.py": other.encode() for name, other in others.items()}
    return set(used(code, {}).services)


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("import boto3\nboto3.client('s3')", {"s3"}),
        ("import boto3 as b\nb.resource(service_name='sqs')", {"sqs"}),
        ("from boto3 import client\nx = client('s3', region_name='eu-west-1')", {"s3"}),
        ("import boto3\nboto3.Session().client('ssm')", {"ssm"}),
        ("from botocore.session import Session\nSession().create_client('sts')", {"sts"}),
        ("import boto3\nNAME = 'sns'\ndef f():\n  return boto3.client(NAME)", {"sns"}),
        ("def f():\n  import boto3\n  boto3.client('kms')", {"kms"}),
        ("from boto3 import client as make\nmake('s3')", {"s3"}),
        ("import boto3\nmake = boto3.resource\nmake('s3')", {"s3"}),
        ("import boto3\nfrom functools import partial\npartial(boto3.client, 's3')", {"s3"}),
        ("import importlib\nsdk = importlib.import_module('boto3')\nsdk.client('s3')", {"s3"}),
        ("from importlib import import_module\nimport_module(name='boto3').client('s3')", {"s3"}),
        ("sdk = __import__('boto3.session')\nsdk.resource('sqs')", {"sqs"}),
        (
            "import importlib\nclass A:\n  sdk = importlib.import_module('boto3')\n  def f(self):\n"
            "    return self.sdk.client('kms')",
            {"kms"},
        ),
        ("import importlib\nsdk = importlib.import_module('oci')\nsdk.client('ons')", set()),
        ("import oci\noci.client('ons')", set()),
        ("def client(x): ...\nclient('secrets')", set()),
        ("import boto3\n# boto3.client('s3')\nx = \"boto3.client('sqs')\"", set()),
    ],
)
def test_calls_are_seen_by_syntax(text: str, services: set[str]) -> None:
    assert called(text) == services


def test_a_module_that_is_imported_by_its_name_is_read_too() -> None:
    text = "import importlib\ndef handler(event, context):\n  importlib.import_module('own.store')"
    found = used({"app.py": text.encode(), "own/store.py": b"import boto3\nboto3.client('s3')"}, {})
    assert found.services == {"s3": ("own/store.py:2",)}


def test_a_maker_of_our_own_is_followed_to_where_it_is_made() -> None:
    aws = "import boto3\ndef client(service):\n  return boto3.client(service)"
    text = "from aws import client\nimport other\nclient('s3')\nother.client('ons')"
    assert called(text, aws=aws, other="import oci\ndef client(x): ...") == {"s3"}
    assert used({"aws.py": aws.encode()}, {}).undetermined == ()


def test_what_a_package_calls_counts_where_the_code_imports_it() -> None:
    packages = {
        "tools/__init__.py": b"",
        "tools/parameters/__init__.py": b"from .ssm import get",
        "tools/parameters/ssm.py": b"import boto3\ndef get():\n  boto3.client('ssm')",
        "tools/tables.py": b"import boto3\nboto3.client('dynamodb')",
    }
    found = used({"app.py": b"from tools.parameters import get"}, packages)
    assert found.services == {"ssm": ("tools/parameters/ssm.py:3",)}


def test_a_library_counts_where_it_is_imported() -> None:
    library = {
        "ours/tables.py": b"import boto3\ndef f():\n  boto3.client('dynamodb')",
        "ours/operators.py": b"import boto3\nboto3.client('lambda')",
        "ours/open.py": b"import boto3\nboto3.client(x)",
    }
    found = used({"app.py": b"def handler(a, b):\n  from ours import tables, open"}, {}, library)
    assert found.services == {"dynamodb": ("ours/tables.py:3",)}
    assert found.undetermined == ("ours/open.py:2",)


def test_the_shape_of_code_is_all_that_services_are_read_off() -> None:
    def seen(*lines: str) -> list[str]:
        return list(shape({"app.py": "\n".join(lines).encode()}, {}))

    usual = seen("import boto3", "NAME = 's3'", "boto3.client(NAME)")
    assert seen("import boto3", "NAME = 's3'", "boto3.client(NAME)", "x = 1") == usual
    for other in (
        ["import boto3", "NAME = 'sqs'", "boto3.client(NAME)"],
        ["import boto3 as b", "NAME = 's3'", "b.client(NAME)", "import json"],
        ["import boto3", "NAME = 's3'", "boto3.client(NAME)", "boto3.resource('sns')"],
        ["import boto3", "NAME = 's3'", "boto3.client(NAME)", "map(boto3.client, NAME)"],
        ["import boto3", "NAME = 's3'", "", "boto3.client(NAME)"],  # the report names the line
    ):
        assert seen(*other) != usual


def test_a_service_that_is_no_constant_is_said() -> None:
    found = used({"app.py": b"import boto3\nfor n in x:\n  boto3.client(n)"}, {})
    assert found.undetermined == ("app.py:3",)


@pytest.mark.parametrize(
    "text",
    [
        "map(boto3.client, ['s3', 'sqs'])",
        "def f(make=boto3.client): make('s3')",
        "getattr(boto3, 'client')('s3')",
        "boto3.client(**{'service_name': 's3'})",
        "boto3.client(*['s3'])",
        "make = {'a': boto3.client}",
    ],
)
def test_a_call_that_cannot_be_followed_is_said(text: str) -> None:
    assert used({"app.py": f"import boto3\n{text}".encode()}, {}).undetermined == ("app.py:2",)


def test_a_service_that_is_missing_is_named_with_its_place() -> None:
    calls = Used({"s3": ("app.py:1",), "dynamo": ("app.py:2",)})
    message = r"no service 'dynamo' \(called at app.py:2\). Did you mean 'dynamodb'\?"
    with pytest.raises(LayerError, match=message):
        kept(calls, (), ("s3", "dynamodb"), ("app.py",))
    with pytest.raises(LayerError, match=r"'rds' \(in the allow-list\). Lock a botocore"):
        kept(Used({}), ("rds",), ("s3",), ())


def test_a_package_may_know_services_that_this_botocore_does_not() -> None:
    calls = Used({"old": ("package.py:1",), "s3": ("app.py:1",)})
    assert kept(calls, (), ("s3", "sqs"), ("app.py",)) == {"s3"}


def test_every_folder_counts_where_functions_have_modules_of_one_name(tmp_path: Path) -> None:
    for name, service in (("one", "s3"), ("two", "sqs")):
        (tmp_path / name).mkdir()
        text = f"import boto3\nboto3.client({service!r})\n"
        (tmp_path / name / "app.py").write_text(text, encoding="utf-8")
    found = used(sources((tmp_path / "one", tmp_path / "two")), {})
    assert found.services == {"s3": ("app.py:2",), "sqs": ("two/app.py:2",)}


def test_the_layers_definition_reads_all_code_of_our_functions() -> None:
    order = read(ROOT / "layers/deps/layer.toml", Target("python3.13", "arm64"), ROOT / "none")
    assert [path.resolve() for path in order.code] == [ROOT / "lambdas"]
    assert [path.resolve() for path in order.library] == [ROOT / "layers/core"]
    found = used(sources(order.code), {}, sources(order.library))
    assert set(found.services) >= {"dynamodb", "kinesis", "sagemaker-runtime"}
    assert not found.undetermined, "the allow-list must name what no syntax tree shows"
