"""From strange points to episodes."""

from __future__ import annotations

from millrace.anomaly.episodes import Episodes


def test_strange_points_close_together_are_one_episode() -> None:
    episodes = Episodes()
    assert episodes.strange(1000, 10.0, 2.0, 90.0)
    assert not episodes.strange(1001, 11.0, 3.0, 95.0)
    assert not episodes.strange(1020, 30.0, 1.5, 80.0)
    assert episodes.latest is not None
    assert episodes.latest == (10.0, 30.0, 11.0, 3.0, 95.0, 3)
    assert episodes.alerts == 1


def test_a_new_episode_begins_after_the_rest() -> None:
    episodes = Episodes()
    assert episodes.strange(1000, 10.0, 2.0, 90.0)
    assert not episodes.strange(1059, 69.0, 2.0, 90.0)
    assert episodes.strange(1120, 130.0, 2.0, 91.0)
    assert episodes.latest == (130.0, 130.0, 130.0, 2.0, 91.0, 1)


def test_what_stays_strange_stays_the_same_episode() -> None:
    episodes = Episodes()
    assert episodes.strange(1000, 0.0, 2.0, 90.0)
    assert not any(episodes.strange(points, 0.0, 2.0, 90.0) for points in range(1030, 3000, 60))
    assert episodes.latest is not None
    assert episodes.latest.strange_points == 34


def test_a_blip_does_not_hide_the_breakdown_that_follows() -> None:
    episodes = Episodes()
    assert episodes.strange(1000, 0.0, 1.2, 90.0)
    assert not episodes.strange(1002, 0.0, 1.4, 95.0)
    assert not episodes.strange(1010, 0.0, 1.8, 200.0)
    assert episodes.strange(1011, 0.0, 2.5, 500.0)
    assert not episodes.strange(1012, 0.0, 4.5, 900.0)
    assert episodes.latest == (0.0, 0.0, 0.0, 4.5, 900.0, 2)


def test_what_only_gets_worse_is_the_same_episode() -> None:
    episodes = Episodes()
    assert episodes.strange(1000, 0.0, 1.2, 90.0)
    assert not any(episodes.strange(1000 + i, 0.0, 1.2 + i, 90.0) for i in range(1, 50))


def test_the_rest_grows_with_the_series_up_to_a_bound() -> None:
    def begins_again(points: int, later: int) -> bool:
        episodes = Episodes()
        episodes.strange(points, 0.0, 1.0, 0.0)
        return episodes.strange(points + later, 0.0, 1.0, 0.0)

    def rest(points: int) -> int:
        return next(later for later in range(1, 1000) if begins_again(points, later))

    assert rest(500) == 61
    assert 300 <= rest(10_000) <= 310
    assert rest(100_000) == 400


def test_state_is_kept() -> None:
    episodes, again = Episodes(), Episodes()
    again.restore(episodes.state())
    assert again.latest is None
    episodes.strange(1000, 10.0, 2.0, 90.0)
    again.restore(episodes.state())
    assert again.latest == episodes.latest
    assert not again.strange(1001, 11.0, 3.0, 95.0)
