"""The `waakzaam` command: registers one module per command and maps errors to exit statuses."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

import typer

from waakzaam import __version__, commands, lifeline
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


USAGE_ERROR: Any = typer.BadParameter.__mro__[1]  # the library's own word for a wrong option, argument or command


def _usage(error: Any) -> str:
    """A wrong option or argument in one line, with the command whose help says more."""
    command = error.ctx.command_path if error.ctx is not None else "waakzaam"
    reason = error.format_message().replace("Value error, ", "").rstrip(".")
    return f"{command}: {reason} (see: {command} --help)"


def _run() -> int:
    """The command of the process's arguments; its exit status."""
    # The other commands' libraries take seconds to import.
    app = build(sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else "")
    ended = app(prog_name="waakzaam", standalone_mode=False)
    return ended if isinstance(ended, int) else 0


def main() -> None:
    """Entry point. Exit status: 0 done, 1 the answer is no, 2 bad input (one clear line on stderr)."""
    lifeline.hold()
    try:
        sys.exit(_run())
    except USAGE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
        else:
            print(_usage(error), file=sys.stderr)
    except BadInput as error:
        print(f"waakzaam: {error}", file=sys.stderr)
    except OSError as error:
        # A file that a command did not think of: still one line. What names no file is our fault and keeps its trace.
        if error.filename is None:
            raise
        print(f"waakzaam: {BadInput(str(error.filename), error.strerror or str(error))}", file=sys.stderr)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(2)


if __name__ == "__main__":
    main()
