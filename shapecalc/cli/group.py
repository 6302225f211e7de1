"""The `shapecalc` command: which commands there are, and what every error of theirs ends with."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from shapecalc import __version__

COMMANDS = {
    "check": "Check specs: the layer table, totals, and whatever is wrong.",
    "verify": "Let torch confirm every figure: build the module, run it, compare.",
    "explain": "Show the working behind each number of a layer or a network.",
    "emit": "Print the equivalent torch.nn.Module.",
    "import": "Write the spec of a torch.nn.Module; this runs its code.",
    "train": "Train the network of a spec.",
    "eval": "Print loss and accuracy of trained weights on held-out samples.",
    "predict": "Print what a trained network takes images for.",
    "quiz": "Make questions on sizes and costs, work them, mark answers, take them.",
    "diff": "Compare two specs, or a spec with a checkpoint: layers, figures, state_dict keys.",
    "rewrite": "Rewrite a network: heads as convolutions and back, batch norms folded, kernels factored.",
    "schema": "Print the JSON Schema of the spec language, for editors.",
    "rule": "Print the manual page of a diagnostic code.",
    "op": "Print the manual page of an operator, with its formulas.",
}
"""Every command with its line of help; the module `shapecalc.cli.NAME` holds `command`."""


class Lazy(click.Group):
    """Loads a command's module when that command is run, and none for the list of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"shapecalc.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from shapecalc.source.nearest import nearest

        near = nearest(name, COMMANDS)
        hint = f" Did you mean {near!r}?" if near else f" The commands are: {', '.join(COMMANDS)}."
        if os.path.exists(name):
            hint = f" To check a file: shapecalc check {name}"
        raise click.UsageError(f"No such command {name!r}.{hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="shapecalc")
def cli() -> None:
    """Static shape and cost calculator and linter for neural networks."""


def run(args: list[str]) -> int:
    """The exit status of one run: 0 clean, 1 findings, 2 wrong usage or internal error, 130 on Ctrl-C."""
    out = sys.stdout
    try:
        status = cli.main(args, prog_name="shapecalc", standalone_mode=False, obj=args)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return 0
    except SystemExit:
        if sys.stdout is out:
            raise
        return 0  # click has put another stream in its place, as it does for a closed pipe
    except Exception as error:
        if os.environ.get("SHAPECALC_TRACEBACK"):
            raise
        name = type(error).__name__
        click.echo(f"shapecalc: internal error: {name}: {error} (SHAPECALC_TRACEBACK=1 shows where)", err=True)
        return 2
