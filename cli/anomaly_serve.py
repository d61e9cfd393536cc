"""`millrace anomalies serve`: the page, from this machine or for others."""

from __future__ import annotations

import secrets
import webbrowser
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated

import typer
from millrace.errors import ConfigurationError

from cli.anomaly_place import DatabaseOption, WhoOption, environment, place_name, who
from cli.commands import MillraceCommand, epilog
from cli.output import print_line, say

TOKEN = "MILLRACE_PAGE_TOKEN"  # noqa: S105  the name of a variable
SHORTEST_TOKEN = 20
EXAMPLES = epilog(
    "millrace anomalies serve",
    "millrace anomalies serve --database sqlite:///millrace.db --port 8700 --open",
    f"{TOKEN}=… millrace anomalies serve --host 0.0.0.0 --allow-host watch.example.com",
    s0="it was stopped, by Ctrl-C or a signal",
    s1="something went wrong while it served",
)


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(name="serve", cls=MillraceCommand, epilog=EXAMPLES)(serve)


def serve(
    ctx: typer.Context,
    database: DatabaseOption = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; this machine only by default.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 is any free one.")
    ] = 8700,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A name under which a proxy serves the page; may be repeated.",
        ),
    ] = None,
    by: WhoOption = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser of this machine.")
    ] = False,
) -> None:
    """Serve a page with series, their bands, episodes and alerts, live, until Ctrl-C.

    Alerts are acknowledged, called false, and series muted or made more sensitive there. The
    database need not be there yet: the page waits for it.

    Where others can reach it (a --host that is not this machine's own), a token is asked for:
    that of MILLRACE_PAGE_TOKEN, or one that is made up and printed.
    """
    _check_packages()
    from cli.anomaly_page.app import Setting, application
    from cli.anomaly_page.desks import Clerks, desks_of
    from cli.anomaly_page.server import is_loopback, listener, url_of
    from cli.anomaly_page.server import serve as run

    environ = environment(ctx, database)
    token = token_of(environ, needed=not is_loopback(host))
    clerks = Clerks(desks_of(environ))
    sock = listener(host, port)
    url = url_of(sock)
    print_line(url)
    say(f"Anomalies of {place_name(environ)}. Ctrl-C stops.")
    if token is not None and not environ.get(TOKEN):
        say(f"Others can reach it, so it asks for this token: {token}")
        say("It travels as plain HTTP: put a proxy with TLS before it on a network you do not own.")
    if open_browser:
        webbrowser.open(url)
    try:
        run(application(clerks, Setting(who(by), [host, *(allow_host or ())], token)), sock)
    finally:
        clerks.close()


def _check_packages() -> None:
    """The rest of the command does without them."""
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The page needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'}"
            " not installed: pip install 'millrace[page]'"
        )


def token_of(environ: Mapping[str, str], *, needed: bool) -> str | None:
    """The token of the environment, or a new one where one is needed. Raises ConfigurationError."""
    given = environ.get(TOKEN)
    if given and len(given) < SHORTEST_TOKEN:
        raise ConfigurationError(
            f"{TOKEN} has {len(given)} characters; it needs at least {SHORTEST_TOKEN}, or leave it"
            " out, and one is made up"
        )
    return given or (secrets.token_urlsafe(24) if needed else None)
