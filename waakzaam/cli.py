"""The `waakzaam` command: registers one module per command and maps errors to exit statuses."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from waakzaam import __version__, commands
from waakzaam.exits import BadInput

app = typer.Typer(
    name="waakzaam",
    help="Drink-spiking detector and victim alarm: run, replay, calibrate, check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def root() -> None:
    """Drink-spiking detector and victim alarm: run, replay, calibrate, check."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point. Exit status: 0 done, 1 the answer is no, 2 bad input (one clear line on stderr)."""
    for module in sorted(pkgutil.iter_modules(commands.__path__), key=lambda m: m.name):
        importlib.import_module(f"{commands.__name__}.{module.name}").register(app)
    try:
        app()
    except BadInput as error:
        print(f"waakzaam: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
