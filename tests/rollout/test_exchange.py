"""One layer version in the place of another, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.lambda_layers.exchange import Held, layer_of, swap

HOME = "arn:aws:lambda:r-1:123456789012:layer"
VERSIONS = st.builds(lambda name, number: f"{HOME}:{name}:{number}", st.sampled_from("abcdef"),
                     st.integers(1, 9))  # fmt: skip
LISTS = st.lists(VERSIONS, max_size=5, unique_by=layer_of)


@given(LISTS, VERSIONS)
def test_the_others_stay_in_their_order(layers: list[str], to: str) -> None:
    own = [layer_of(one) for one in layers]
    if layer_of(to) not in own:
        with pytest.raises(Held):
            swap(layers, to)
        return
    after = swap(layers, to)
    assert [layer_of(one) for one in after] == own
    assert [one for one in after if layer_of(one) != layer_of(to)] == [
        one for one in layers if layer_of(one) != layer_of(to)
    ]
    assert after[own.index(layer_of(to))] == to
    assert swap(after, to) == after


@given(LISTS, VERSIONS)
def test_what_is_added_comes_last_and_never_as_a_sixth(layers: list[str], to: str) -> None:
    if len(layers) == 5 and layer_of(to) not in map(layer_of, layers):
        with pytest.raises(Held, match="has 5 layers already"):
            swap(layers, to, add=True)
        return
    after = swap(layers, to, add=True)
    assert to in after
    assert len(after) <= 5
    assert len({layer_of(one) for one in after}) == len(after)


@given(LISTS, VERSIONS, st.sampled_from("abcdef"))
def test_another_layer_can_go_in_its_place(layers: list[str], to: str, old: str) -> None:
    own = [layer_of(one) for one in layers]
    has_old, has_new = f"{HOME}:{old}" in own, layer_of(to) in own
    if (has_old and has_new and layer_of(to) != f"{HOME}:{old}") or not (has_old or has_new):
        with pytest.raises(Held):
            swap(layers, to, f"{HOME}:{old}")
        return
    after = swap(layers, to, f"{HOME}:{old}")
    place = own.index(f"{HOME}:{old}") if f"{HOME}:{old}" in own else own.index(layer_of(to))
    assert after == (*layers[:place], to, *layers[place + 1 :])


def test_a_function_with_both_is_not_guessed_at() -> None:
    with pytest.raises(Held, match="take one away first"):
        swap([f"{HOME}:a:1", f"{HOME}:b:1"], f"{HOME}:b:2", f"{HOME}:a")
