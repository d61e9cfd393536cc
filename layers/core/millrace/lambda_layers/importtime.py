"""Where import time goes: the tree that Python prints under -X importtime, read and ranked."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")
STANDARD = "(standard library)"


@dataclass(frozen=True, slots=True)
class Import:
    """A module that was imported, with what it imported first; microseconds by the clock."""

    name: str
    self_us: int
    cumulative_us: int
    children: tuple[Import, ...] = ()

    def walk(self) -> Iterator[Import]:
        """It and everything below."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Profile:
    """What importing some modules cost.

    Attributes:
        roots: as they were asked for.
        modules: all of them, the one that took the most by itself first.
        packages: name → self microseconds of its modules, the most first; the standard library is
            one of them.
    """

    roots: tuple[Import, ...]
    modules: tuple[Import, ...] = field(default=())
    packages: tuple[tuple[str, int], ...] = field(default=())

    @property
    def total_us(self) -> int:
        """Everything together."""
        return sum(one.cumulative_us for one in self.roots)


def parse(lines: Iterable[str]) -> list[Import]:
    """The trees in Python's output, which has children before their parents; other lines between
    them do not matter.

    >>> trees = parse(["import time: 5 | 5 |   b", "import time: 7 | 12 | a"])
    >>> trees[0].name, trees[0].children[0].name
    ('a', 'b')
    """
    waiting: list[tuple[int, Import]] = []
    for line in lines:
        match = _LINE.search(line)
        if match is None:
            continue
        depth = len(match[3]) // 2
        children: list[Import] = []
        while waiting and waiting[-1][0] > depth:
            children.append(waiting.pop()[1])
        one = Import(match[4], int(match[1]), int(match[2]), tuple(reversed(children)))
        waiting.append((depth, one))
    return [one for _, one in waiting]


def profile(trees: Sequence[Import], asked: Collection[str]) -> Profile:
    """What of the trees was asked for: other imports are those of the runtime itself.

    `a.b` is counted with its package `a`, which is imported first.
    """
    wanted = {*asked, *(name.partition(".")[0] for name in asked)}
    roots = tuple(one for one in trees if one.name in wanted or _inside(one.name, wanted))
    every = [one for root in roots for one in root.walk()]
    sums: dict[str, int] = {}
    for one in every:
        package = package_of(one.name)
        sums[package] = sums.get(package, 0) + one.self_us
    return Profile(
        roots,
        tuple(sorted(every, key=lambda one: (-one.self_us, one.name))),
        tuple(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _inside(name: str, wanted: Collection[str]) -> bool:
    return any(name.startswith(f"{one}.") for one in wanted)


def package_of(module: str) -> str:
    """What has to be left out for the module to go.

    >>> package_of("botocore.session"), package_of("json.decoder")
    ('botocore', '(standard library)')
    """
    top = module.partition(".")[0]
    return STANDARD if top in sys.stdlib_module_names else top


def tree_lines(one: Import, least_us: int, depth: int = 0) -> Iterator[tuple[str, int, int]]:
    """A tree as lines (indented name, self, cumulative), without what took less; dearest first."""
    yield "  " * depth + one.name, one.self_us, one.cumulative_us
    for child in sorted(one.children, key=lambda child: -child.cumulative_us):
        if child.cumulative_us >= least_us:
            yield from tree_lines(child, least_us, depth + 1)
