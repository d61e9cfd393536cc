"""The remembered ids, held against a plain list of every id with its second."""

from __future__ import annotations

import random
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.features.ids import RecentIds

LATENESS_S = 60


class Model:
    """Every id that came, in order of its second; nothing is forgotten, only out of reach."""

    def __init__(self) -> None:
        self.second_of: dict[int, int] = {}
        self.floor_s = 0

    def is_known(self, hashed: int) -> bool:
        return self.second_of.get(hashed, -1) >= self.floor_s

    def left(self) -> list[int]:
        """The seconds of the ids that must still be there."""
        return sorted(second for second in self.second_of.values() if second >= self.floor_s)


def take(ids: RecentIds, model: Model, batch: list[tuple[int, int]]) -> None:
    """Remember a batch of (hash, second) as `fold` does: in one go, or one by one."""
    hashes, times_s = [hashed for hashed, _ in batch], [second for _, second in batch]
    newest_s = max(model.second_of.values(), default=0)
    if times_s == sorted(times_s) and times_s[0] >= newest_s and ids.are_new(hashes):
        assert not any(map(model.is_known, hashes))
        ids.extend(hashes, times_s)
        model.second_of.update(batch)
        return
    for hashed, second in batch:
        if second >= model.floor_s:
            assert ids.add(hashed, second, model.floor_s) is not model.is_known(hashed)
            model.second_of.setdefault(hashed, second)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from((1, 4, 12, 200, 900)), st.booleans())
def test_ids_are_known_for_the_lateness_and_no_longer(seed: int, most: int, ordered: bool) -> None:
    rng = random.Random(seed)
    ids, model = RecentIds(), Model()
    now_s = 1_700_000_000
    for number in range(12):
        back = 0 if ordered else LATENESS_S // 2
        times = [now_s + rng.randint(-back, 9) for _ in range(rng.randint(1, most))]
        batch = [
            (rng.randrange(1, 2**64), second) for second in (sorted(times) if ordered else times)
        ]
        known = [*model.second_of.items()]
        if known and rng.random() < 0.5:
            batch += rng.choices(known, k=3)
        take(ids, model, batch)
        now_s = max(now_s, *(second for _, second in batch)) + rng.choice((0, 0, 1, 50, 300))
        model.floor_s = max(model.floor_s, now_s - LATENESS_S)
        assert ids.forget_before(model.floor_s) == len(ids) == len(model.left())
        ages, counts, hashes = ids.packable(now_s)
        assert [now_s - age for age, of in zip(ages, counts, strict=True) for _ in range(of)] == (
            model.left()
        )
        # A copy goes on as the ids themselves, and so does what was stored.
        ids = (ids, ids.copy(), RecentIds.unpacked((ages, counts, hashes), now_s))[number % 3]
        for hashed, second in rng.sample(known, min(20, len(known))):
            if second >= model.floor_s:
                assert ids.second_of(hashed) == second
                assert not ids.are_new([hashed])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40).map(sorted), st.integers(0, 40))
def test_what_comes_at_once_stands_as_if_it_came_one_by_one(times_s: list[int], split: int) -> None:
    hashes = [*range(1, len(times_s) + 1)]
    at_once, singly = RecentIds(), RecentIds()
    for part in (slice(0, split), slice(split, None)):
        if times_s[part]:
            at_once.extend(hashes[part], times_s[part])
    for hashed, second in zip(hashes, times_s, strict=True):
        assert singly.add(hashed, second, 0)
    assert at_once.packable(9) == singly.packable(9)
    runs = [(9 - second, len([*of])) for second, of in groupby(times_s)]
    assert [*zip(*at_once.packable(9)[:2], strict=True)] == runs
