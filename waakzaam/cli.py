"""The `waakzaam` command: registers one module per command and maps errors to exit statuses."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from waakzaam import __version__, commands
from waakzaam.exits import BadInput


def root() -> None:
    """Drink-spiking detector and victim alarm: run, replay, calibrate, check."""


def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def build(only: str = "") -> typer.Typer:
    """The command line with every command of `waakzaam/commands` registered, or with one: a process needs one."""
    app = typer.Typer(name="waakzaam", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback()(root)
    app.command()(version)
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__) if module.name[0] != "_")
    for name in [only] if only in names else names:
        importlib.import_module(f"{commands.__name__}.{name}").register(app)
    return app


def main() -> None:
    """Entry point. Exit status: 0 done, 1 the answer is no, 2 bad input (one clear line on stderr)."""
    try:
        # The other commands' libraries take seconds to import.
        build(sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else "")()
    except BadInput as error:
        print(f"waakzaam: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
