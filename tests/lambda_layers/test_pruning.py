"""What is left out of a tree, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.lambda_layers.pruning import RULES, imported_tests, plan

NAMES = st.sampled_from(["a", "tests", "b.py", "c.pyi", "x.pyc", "__pycache__", "h.h", "RECORD"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "/".join(["python", *parts]))


def left_out(*paths: str, imported: tuple[str, ...] = ()) -> dict[str, str]:
    return {
        path: taken.rule.name for taken in plan(paths, {"s3"}, imported) for path in taken.paths
    }


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("python/a/__pycache__/b.cpython-313.pyc", "bytecode"),
        ("python/a-1.0.dist-info/RECORD", "installer-records"),
        ("python/a-1.0.dist-info/uv_build.json", "installer-records"),
        ("python/bin/tool", "scripts"),
        ("python/a/tests/test_b.py", "tests"),
        ("python/a/b.pyi", "type-stubs"),
        ("python/a/include/b.h", "headers"),
        ("python/a/lib.a", "static-libraries"),
        ("python/botocore/data/s3/2006-03-01/examples-1.json", "examples"),
        ("python/botocore/data/sqs/2012-11-05/service-2.json.gz", "services"),
        ("python/boto3/data/sqs/2012-11-05/resources-1.json", "services"),
    ],
)
def test_what_is_left_out_has_a_reason(path: str, rule: str) -> None:
    assert left_out(path) == {path: rule}


@pytest.mark.parametrize(
    "path",
    [
        "python/a-1.0.dist-info/METADATA",
        "python/a-1.0.dist-info/entry_points.txt",
        "python/a-1.0.dist-info/licenses/tests/LICENSE.h",
        "python/a-1.0.dist-info/LICENSE.txt",
        "python/a/test.py",
        "python/a/testing/b.py",
        "python/a/sourceless.pyc",
        "python/botocore/data/endpoints.json",
        "python/botocore/data/s3/2006-03-01/service-2.json.gz",
        "bin/tool",
        "extensions/tests/agent",
    ],
)
def test_what_stays(path: str) -> None:
    assert left_out(path) == {}


def test_tests_that_a_package_itself_imports_stay() -> None:
    sources = {
        "python/num/testing.py": b"from .core.tests import natype",
        "python/num/other.py": b"import num.more.tests.data",
    }
    imported = tuple(imported_tests(sources))
    kept = "python/num/core/tests/natype.py", "python/num/more/tests/data.py"
    gone = "python/num/tests/test_a.py"
    assert left_out(*kept, gone, imported=imported) == {gone: "tests"}


@given(st.sets(PATHS))
def test_every_file_goes_once_or_stays(paths: set[str]) -> None:
    taken = [path for one in plan(paths, None) for path in one.paths]
    assert len(taken) == len(set(taken))
    assert set(taken) <= paths
    again = plan(paths - set(taken), None)
    # Only a module whose source was left out for another reason may count as sourceless then.
    assert {one.rule.name for one in again} <= {"bytecode"}


def test_rules_have_names_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
