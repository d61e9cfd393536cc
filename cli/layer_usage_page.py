"""The usage report as one HTML page: no script, nothing from elsewhere, readable without colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from millrace.lambda_layers.usage import FunctionUse, Usage, VersionUse

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #2f6f9f; --bad: #b3541e; --soft: #8887 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem }
.when { opacity: .75; margin: .25rem 0 1.5rem }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem }
.tile { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem }
.tile b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums }
.tile.bad b::before { content: "⚠ " }
.chart { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .35rem .9rem }
.chart div { display: flex; align-items: center; gap: .5rem; min-width: 0 }
.bar { background: var(--bar); height: 1rem; border-radius: .15rem; min-width: 2px; flex: none }
.bar.bad { background: repeating-linear-gradient(45deg, var(--bad) 0 4px, var(--soft) 4px 8px) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td { overflow-wrap: anywhere } .none { opacity: .75 }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_TILES = {
    "functions": "functions",
    "functions_with_layers": "with layers",
    "functions_behind": "behind the newest version",
    "deprecated_runtimes": "on a runtime without patches",
    "layer_versions": "layer versions",
    "orphans": "of them used by nobody",
    "deleted_in_use": "deleted, but in use",
}
_BAD = {"functions_behind", "deprecated_runtimes", "orphans", "deleted_in_use"}
_WIDEST = 70  # per cent of the column, which leaves room for the words


def page(usage: Usage) -> str:
    """The whole page."""
    taken = datetime.fromtimestamp(usage.taken_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    title = f"Lambda layers of {usage.account}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="when">{escape(", ".join(usage.regions))} · {taken}</p>',
            _tiles(usage),
            _section("How far behind functions are", _behind(usage.functions)),
            _section("Runtimes", _runtimes(usage.functions)),
            _section("Layers by size, zipped", _sizes(usage.versions)),
            _section("Layer versions", _versions(usage.versions)),
            _section("Functions", _functions(usage.functions)),
            "</body></html>",
        ]
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _tiles(usage: Usage) -> str:
    summary = usage.summary
    size = f'<div class="tile"><b>{sized(summary["zipped_bytes"])}</b>zipped, of those in use</div>'
    tiles = [
        f'<div class="tile{" bad" if name in _BAD and summary[name] else ""}">'
        f"<b>{summary[name]:,}</b>{escape(words)}</div>"
        for name, words in _TILES.items()
    ]
    return f'<div class="tiles">{"".join(tiles)}{size}</div>'


def _chart(rows: Sequence[tuple[str, int, str, bool]]) -> str:
    """Bars: name, value, what stands beside it, and whether it is bad."""
    if not rows:
        return '<p class="none">none</p>'
    most = max(value for _, value, _, _ in rows) or 1
    bars = [
        f'<span>{escape(name)}</span><div><span class="bar{" bad" if bad else ""}"'
        f' style="width: {_WIDEST * value / most:.1f}%"></span>{escape(words)}</div>'
        for name, value, words, bad in rows
    ]
    return f'<div class="chart">{"".join(bars)}</div>'


def _behind(functions: Iterable[FunctionUse]) -> str:
    counts = Counter(min(one.behind, 5) for one in functions if one.layers)
    names = {0: "on the newest", 1: "1 version", 5: "5 or more"}
    return _chart(
        [
            (names.get(behind, f"{behind} versions"), count, f"{count:,}", behind > 0)
            for behind, count in sorted(counts.items())
        ]
    )


def _runtimes(functions: Sequence[FunctionUse]) -> str:
    counts = Counter((one.runtime or "container image", one.deprecated) for one in functions)
    return _chart(
        [
            (runtime, count, f"{count:,}{_since(ended)}", ended is not None)
            for (runtime, ended), count in sorted(counts.items(), key=lambda one: -one[1])
        ]
    )


def _since(ended: str | None) -> str:
    return "" if ended is None else f", no patches since {ended}"


def _sizes(versions: Iterable[VersionUse]) -> str:
    newest: dict[tuple[str, str], VersionUse] = {}
    for one in versions:
        if one.zipped is not None:
            newest.setdefault((one.region, one.layer), one)
    rows = sorted(newest.values(), key=lambda one: -(one.zipped or 0))
    return _chart(
        [(f"{one.layer}:{one.version}", one.zipped or 0, sized(one.zipped), False) for one in rows]
    )


def sized(size: int | None) -> str:
    """A size for people."""
    if size is None:
        return "?"
    if size < 100_000:
        return f"{size:,} B" if size < 1000 else f"{size / 1e3:,.1f} kB"
    return f"{size / 1e6:,.1f} MB"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[str]) -> str:
    kinds = [' class="n"' if name in numbers else "" for name in columns]
    head = "".join(
        f"<th{kind}>{escape(name)}</th>" for name, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{escape(str(cell))}</td>" for cell, kind in zip(row, kinds, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>' if body else '<p class="none">none</p>'


def _versions(versions: Iterable[VersionUse]) -> str:
    return _table(
        ("layer", "region", "state", "behind", "days old", "functions", "zipped"),
        [
            (
                f"{one.layer}:{one.version}",
                one.region,
                one.state,
                "" if one.behind is None else one.behind,
                "" if one.age_days is None else one.age_days,
                one.functions,
                sized(one.zipped),
            )
            for one in versions
        ],
        ("behind", "days old", "functions", "zipped"),
    )


def _functions(functions: Iterable[FunctionUse]) -> str:
    return _table(
        ("function", "region", "runtime", "layers", "behind", "zipped"),
        [
            (
                one.name,
                one.region,
                f"{one.runtime or 'container image'}{_since(one.deprecated)}",
                ", ".join(one.layers) + "".join(f" ⚠ {arn} is gone" for arn in one.missing),
                one.behind,
                sized(one.zipped),
            )
            for one in functions
        ],
        ("behind", "zipped"),
    )
