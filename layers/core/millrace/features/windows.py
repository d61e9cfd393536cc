"""Sliding windows over tiles: which tile a window reads, where it starts, what may be forgotten.

Time is divided into tiles that nest (1 s in 5 s in 60 s in 900 s …). A window of `W` seconds reads
at the coarsest tile that is at most `W / 60`, and starts at a tile's edge: evaluated at `T` it
holds exactly the events with ``t >= ceil((T - W) / tile) * tile``. Its true length is therefore
within ``(W - tile, W]``, never more than 1/60 short for windows of a minute or longer:

====================  =========  ==================================
window                tile       true length of the window
====================  =========  ==================================
1 s … 299 s           1 s        (W - 1 s, W]
300 s … 3,599 s       5 s        (W - 5 s, W]
1 h … 14 h 59 min     60 s       (W - 60 s, W]
15 h … 59 h 59 min    900 s      (W - 900 s, W]
60 h … 14 d 23 h      3,600 s    (W - 3,600 s, W]
15 d and longer       21,600 s   (W - 21,600 s, W]
====================  =========  ==================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TILES_S = (1, 5, 60, 900, 3600, 21600)
_FINENESS = 60

# So far a profile may give way to the bound on its size before whole levels of tiles go.
COARSE_WHOLE = 4

# The plain attribute count5min is always kept, whatever windows features.toml names.
PLAIN_WINDOW_S = 300


def tile_for(window_s: int) -> int:
    """The tile, in seconds, at which a window of `window_s` seconds is read.

    >>> [tile_for(w) for w in (30, 60, 300, 3600, 86400, 7 * 86400)]
    [1, 1, 5, 60, 900, 3600]
    """
    return max((tile for tile in TILES_S if tile * _FINENESS <= window_s), default=TILES_S[0])


def window_start_s(window_s: int, tile_s: int, at_ms: int) -> int:
    """The first second (since the epoch) inside a window that ends at `at_ms`.

    >>> window_start_s(300, 5, 1_000_001_000)
    999705
    """
    return -((window_s * 1000 - at_ms) // (tile_s * 1000)) * tile_s


@dataclass(frozen=True, slots=True)
class Ladder:
    """The tiles that a set of windows needs, finest first, each with how far back it is read.

    `horizons_s[i]` is the longest window that reads at `tiles_s[i]`, or at a finer one. A tile
    between two that are needed is kept as well, though nothing reads it: without it the finer
    one would have to wait for the coarser to fill. `reach_s` is how far back the last is kept:
    the longest window, or a little more where a window that is hardly shorter reads at a finer
    tile, and so may begin earlier.
    """

    tiles_s: tuple[int, ...]
    horizons_s: tuple[int, ...]
    reach_s: int

    @classmethod
    def of(cls, windows_s: Iterable[int]) -> Ladder:
        """The ladder for these window lengths, in seconds."""
        windows = sorted(windows_s)
        first, last = tile_for(windows[0]), tile_for(windows[-1])
        tiles = tuple(tile for tile in TILES_S if first <= tile <= last)
        horizons = tuple(max(w for w in windows if tile_for(w) <= tile) for tile in tiles)
        reach_s = windows[-1]
        if len(tiles) > 1:
            reach_s = max(reach_s, horizons[-2] + last)
        return cls(tiles, horizons, reach_s)

    @property
    def longest_s(self) -> int:
        """The longest window, in seconds."""
        return self.horizons_s[-1]

    def oldest_s(self, latest_ms: int) -> int:
        """The oldest second that any window ending at `latest_ms` or later can reach."""
        tile_s = self.tiles_s[-1]
        return -((self.reach_s * 1000 - latest_ms) // (tile_s * 1000)) * tile_s

    def floors(self, latest_ms: int, *, coarse: int = 0) -> list[int]:
        """The oldest second that each level may hold, given the latest event's time.

        What is older belongs to the next, coarser level; below the last floor it is forgotten,
        for no window that ends at `latest_ms` or later can reach it. Floors stand on an edge of
        the next level's tile, so a cell moves down whole. With `coarse`, each level but the last
        keeps only what a coarser tile cannot hold yet: less exact, but small; beyond `COARSE_WHOLE`
        the finest levels, one more at each step, keep nothing.
        """
        latest_s = latest_ms // 1000
        floors = []
        for level, (tile, horizon) in enumerate(zip(self.tiles_s[1:], self.horizons_s)):  # noqa: B905
            reach = 0 if coarse else horizon
            if level < coarse - COARSE_WHOLE:
                reach = -tile
            floors.append((latest_s - reach) // tile * tile)
        floors.append(self.oldest_s(latest_ms))
        return floors
