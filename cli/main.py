"""`millrace`: what an operator does with a stack, or with the local cloud. Never deployed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from cli import anomalies, anomaly_serve, events, features, layers, metrics, quarantine
from cli.commands import MillraceGroup
from cli.surroundings import Surroundings

app = typer.Typer(
    name="millrace",
    cls=MillraceGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(events.app, name="events", help="Events on their way to the stream.")
app.add_typer(features.app, name="features", help="Features: what they are, and what they are now.")
app.add_typer(
    quarantine.app, name="quarantine", help="What could not be applied, and how it comes back."
)
anomaly_serve.register(anomalies.app)
app.add_typer(anomalies.app, name="anomalies", help="What is strange, and what you say to it.")
app.add_typer(metrics.app, name="metrics", help="Metrics on their way to OCI Streaming.")
app.add_typer(layers.app, name="layers", help="Lambda layers: built, tested, shared, rolled out.")


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"millrace {version('millrace')}")
        except PackageNotFoundError:
            typer.echo("millrace, not installed")
        raise typer.Exit


@app.callback()
def millrace(
    ctx: typer.Context,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="MILLRACE_DEBUG", help="Show where an error comes from."),
    ] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Features of events, anomalies of metrics, and Lambda layers: what an operator does with them.

    events, features and quarantine work on the deployed stack millrace, unless --stack names
    another or --local chooses the local cloud of scripts/demo --keep; anomalies works on the
    database that --database or MILLRACE_DATABASE names.
    """
    if ctx.obj is None:
        ctx.obj = Surroundings()


def main() -> None:
    """The entry point of the command."""
    app(prog_name="millrace")
