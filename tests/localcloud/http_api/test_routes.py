"""The most specific route wins, as the developer guide says, and wrong routes are refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import UnsupportedResource

from localcloud.http_api.routes import Route, RouteTable

# The example of "Routing API requests" in the developer guide, and more of its kind.
KEYS = (
    "GET /pets/dog/1",
    "GET /pets/dog/{id}",
    "GET /pets/{proxy+}",
    "ANY /{proxy+}",
    "$default",
)
MORE = (*KEYS, "ANY /pets/dog/{id}", "POST /pets/{kind}/food", "GET /", "GET /pets/{proxy+}/x")


@pytest.mark.parametrize(
    ("method", "path", "key", "variables"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST", "/test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("POST", "/pets/dog/2", "ANY /pets/dog/{id}", {"id": "2"}),
        ("POST", "/pets/cat/food", "POST /pets/{kind}/food", {"kind": "cat"}),
        ("GET", "/", "GET /", {}),
        ("POST", "/", "$default", {}),
        ("GET", "/pets/dog/1/", "GET /pets/{proxy+}", {"proxy": "dog/1/"}),
        ("GET", "/pets/dog/", "GET /pets/{proxy+}", {"proxy": "dog/"}),
        ("GET", "/pets", "ANY /{proxy+}", {"proxy": "pets"}),
        ("GET", "/pets/", "ANY /{proxy+}", {"proxy": "pets/"}),
        ("GET", "/a b/ü", "ANY /{proxy+}", {"proxy": "a b/ü"}),
    ],
)
def test_the_most_specific_route_is_taken(
    method: str, path: str, key: str, variables: dict[str, str]
) -> None:
    keys = [each for each in MORE if not each.endswith("+}/x")]
    match = RouteTable([Route(each, "f") for each in keys]).match(method, path)
    assert match is not None
    assert (match.route.key, match.variables) == (key, variables)


@pytest.mark.parametrize(
    ("keys", "path", "key"),
    [
        (["ANY /a/b", "GET /a/{x}"], "/a/b", "ANY /a/b"),
        (["GET /{x}/{y}", "GET /a/{z+}"], "/a/b", "GET /{x}/{y}"),
        (["GET /{x}/b", "GET /a/{y}"], "/a/b", "GET /a/{y}"),
        (["GET /{z+}", "ANY /a/{z+}"], "/a/b/c", "ANY /a/{z+}"),
        (["GET /{x}/{z+}", "GET /{z+}"], "/a/b", "GET /{x}/{z+}"),
        (["ANY /a", "GET /a"], "/a", "GET /a"),
        (["$default", "ANY /{z+}"], "/a", "ANY /{z+}"),
    ],
)
def test_the_path_counts_more_than_the_method(keys: list[str], path: str, key: str) -> None:
    match = RouteTable([Route(each, "f") for each in keys]).match("GET", path)
    assert match is not None
    assert match.route.key == key


@pytest.mark.parametrize(("method", "path"), [("GET", "/b"), ("POST", "/a"), ("GET", "/a/")])
def test_without_a_default_some_requests_have_no_route(method: str, path: str) -> None:
    assert RouteTable([Route("GET /a", "f")]).match(method, path) is None


segments = st.sampled_from(["a", "b", "{x}", "{y+}"])


@given(
    st.lists(st.lists(segments, min_size=1, max_size=3), min_size=1, max_size=6, unique_by=tuple),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4),
)
def test_the_choice_does_not_depend_on_the_order_of_the_routes(
    paths: list[list[str]], requested: list[str]
) -> None:
    keys = ["GET /" + "/".join(path) for path in paths if "{y+}" not in path[:-1]]
    path = "/" + "/".join(requested)
    chosen = set()
    for order in itertools.islice(itertools.permutations(keys), 24):
        match = RouteTable([Route(key, "f") for key in order]).match("GET", path)
        chosen.add(match.route.key if match else None)
    assert len(chosen) == 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("GET pets", "'GET pets' is no route key"),
        ("FETCH /pets", "is no route key; it must be like 'POST /events'"),
        ("GET /{proxy+}/x", r"Segment '\{proxy\+\}' of route .* at the end only"),
        ("GET /pets-{id}", r"Segment 'pets-\{id\}'"),
        ("GET /{}", r"Segment '\{\}'"),
    ],
)
def test_a_wrong_key_is_refused(key: str, message: str) -> None:
    with pytest.raises(UnsupportedResource, match=message):
        Route(key, "f")


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(UnsupportedResource, match=r"payload format '1\.0'"):
        Route("GET /", "f", payload_format="1.0")
    with pytest.raises(UnsupportedResource, match="time-out of 31 s"):
        Route("GET /", "f", timeout_s=31)
    with pytest.raises(UnsupportedResource, match="'GET /a' is there twice"):
        RouteTable([Route("GET /a", "f"), Route("GET /a", "g")])
