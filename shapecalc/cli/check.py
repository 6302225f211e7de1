"""`shapecalc check`: the main job. Reads files, asks for reports or verdicts, prints them, and says how it ended."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from shapecalc.analysis.costs import CONVENTIONS, OPTIMIZERS
from shapecalc.analysis.verdict import Verdict
from shapecalc.cli.examine import Order, Task, object_of, report_of, spread
from shapecalc.cli.examine import verdicts as found_of
from shapecalc.cli.inputs import STDIN, Inputs
from shapecalc.cli.show import Shown
from shapecalc.lint.config import FAILING, LEVELS, ConfigError
from shapecalc.lint.selection import UnknownCode
from shapecalc.ops.dtypes import FLOATS
from shapecalc.render.paint import in_line
from shapecalc.render.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shapecalc.cli.cache import Cache

OF_LAYERS = ("table", "json", "markdown", "csv")
"""Formats that show layers and figures; the others show findings, which the cache keeps."""
OF_FINDINGS = ("concise", "full", "sarif", "github", "gitlab", "junit")
STDIN_NAME = "<stdin>"


def _columns(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    from shapecalc.render.table import BY_KEY, DEFAULT

    keys: list[str] = []
    for key in value.replace(" ", "").split(","):
        keys += DEFAULT if key == "default" else BY_KEY if key == "all" else [key]
    for key in keys:
        if key not in BY_KEY:
            raise click.BadParameter(f"no column {key!r}; there are {', '.join(BY_KEY)}, and default, all")
    return tuple(dict.fromkeys(keys))


def _listed(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[str] | None:
    """Selectors by comma; None where the option is not given."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()] if values else None


def _codes(name: str, help: str) -> Callable[[Any], Any]:
    return click.option(name, multiple=True, callback=_listed, metavar="CODES", help=help)


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a param or an input size.")
@click.option(
    "--output-format",
    type=click.Choice((*OF_LAYERS, *OF_FINDINGS)),
    envvar="SHAPECALC_OUTPUT_FORMAT",
    help="Default: table for one file, concise for several, github in GitHub's actions.",
)
@click.option(
    "--columns",
    callback=_columns,
    help="Columns of the table, by comma; `default` and `all` are sets of them.",
)
@click.option("--batch-size", default=1, show_default=True, type=click.IntRange(1), help="Samples that bytes count.")
@click.option(
    "--dtype", default="float32", show_default=True, type=click.Choice(sorted(FLOATS)), help="Of floating point."
)
@click.option("--optimizer", default="sgd", show_default=True, type=click.Choice(list(OPTIMIZERS)), help="For memory.")
@click.option(
    "--convention",
    default="torch",
    show_default=True,
    type=click.Choice(CONVENTIONS),
    help="What FLOPs count: torch 2 a multiply-add, macs 1; as fvcore and ptflops do; all operations.",
)
@click.option("--sort", metavar="COLUMN", help="Sort the table by a column, largest first.")
@_codes("--select", "Codes, prefixes, names or ALL to look for, in place of the settings'.")
@_codes("--extend-select", "Codes to look for besides.")
@_codes("--ignore", "Codes to leave out.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and write the files.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: fixes that change the module, too.")
@click.option("--diff", is_flag=True, help="Show as a patch what --fix would change; exit 1 where it would.")
@click.option("--fail-on", type=click.Choice(FAILING), help="Least severity that fails.  [default: warning]")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option("--baseline", metavar="FILE", help="Do not tell findings that are in this file.")
@click.option("--write-baseline", is_flag=True, help="Write the findings of this run into the baseline file.")
@click.option("--config", metavar="FILE", help="Settings file, in place of the nearest one.")
@click.option("--force-exclude", is_flag=True, help="Pass over named files that are excluded or no specs, in silence.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache of verdicts.")
@click.option("--stdin-filename", metavar="PATH", help="Name that messages give to standard input.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to colour.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Tell on standard error what settings and cache were used.")
@click.pass_obj
def command(arguments: list[str] | None, /, paths: tuple[str, ...], **options: Any) -> int:
    """Check specs: files, directories, or - for standard input (default: the directory here).

    Prints the layer table and totals of one file, or a line for each of several, and every finding.
    """
    try:
        return _Run(Inputs(paths or (".",), options["config"]), options, arguments).status()
    except ConfigError as wrong:  # of a file: the command was used as it should be
        _say(str(wrong))
        return 2
    except UnknownCode as wrong:
        raise click.UsageError(str(wrong)) from None


class _Run:
    """One run of the command: `arguments` is the line that asked for it, where that is known."""

    def __init__(self, inputs: Inputs, options: dict[str, Any], arguments: list[str] | None) -> None:
        _check_sort(options["sort"])
        self.inputs = inputs
        self.options = options
        self.arguments = arguments
        self.named = inputs.named
        self.finder = inputs.finder
        self.here = inputs.here
        self.files: list[tuple[str, bytes]] = []
        self.order = Order(
            _settings(options["assignments"]),
            {"batch": options["batch_size"], **{key: options[key] for key in ("dtype", "optimizer", "convention")}},
            self.finder,
            options["select"],
            options["extend_select"] or (),
            options["ignore"] or (),
        )
        self.missing = False
        self.cache: Cache | None = None

    def status(self) -> int:
        """Do all of it; the exit status."""
        tasks = list(self.tasks())
        if not tasks and not self.missing and not self.options["force_exclude"]:
            listed = ", ".join(self.named)
            _say(f"no specs below {listed} (YAML files with a line `shapecalc: 1`)")
        if self.options["diff"]:
            if self.options["verbose"]:
                self.tell(tasks)
            return self.differs(tasks)
        if self.options["fix"]:
            tasks = [self.fixed(task) for task in tasks]
        shown = Shown(self.options, self.form(), sys.stderr if self.options["fix"] and self.from_stdin else sys.stdout)
        verdicts = self.told(tasks, shown)
        if self.options["verbose"]:
            self.tell(tasks)
        if self.missing:
            return 2
        status = int(self.fails(verdicts) and not self.options["exit_zero"])
        self.keep(shown, status)
        return status

    def tell(self, tasks: Sequence[Task]) -> None:
        """Say on standard error which settings held, and how many verdicts were at hand."""
        used = dict.fromkeys(os.path.relpath(s.path) for s in (self.finder.of(task.path) for task in tasks) if s.path)
        _say(f"settings: {', '.join(used) or 'none'}")
        taken = f"{self.cache.taken} from the cache {self.cache.path}" if self.cache else "no cache used"
        _say(f"{plural(len(tasks), 'spec')}, {taken}")

    def fails(self, verdicts: Sequence[Verdict]) -> bool:
        least = self.options["fail_on"] or self.here.get("fail-on", "warning")
        failing = () if least == "never" else LEVELS[: LEVELS.index(least) + 1]
        return any(f.severity in failing for v in verdicts for f in v.found)

    # what is read

    def tasks(self) -> Iterator[Task]:
        """A task for each file; those that cannot be read are told, and the others are done."""
        for path, data in self.inputs.files():
            if isinstance(data, OSError):
                _say(f"{path}: {data.strerror or data}")
                self.missing = True
                continue
            self.files.append((path, data))
            name = (self.options["stdin_filename"] or STDIN_NAME) if path == STDIN else path
            if not (self.options["force_exclude"] and self.passed_over(name, data)):
                yield Task(name, data, self.order)

    def passed_over(self, path: str, data: bytes) -> bool:
        from shapecalc.source.parse import is_spec

        return self.finder.of(path).excludes(path) or not is_spec(data.decode("utf-8", "replace"))

    # what is mended

    def differs(self, tasks: Sequence[Task]) -> int:
        """Print what `--fix` would change as a patch; 1 where it would change something."""
        from shapecalc.cli.mend import mended, patch

        patches = [patch(task, mended(task, unsafe=self.options["unsafe_fixes"])) for task in tasks]
        sys.stdout.write("".join(patches))
        return 2 if self.missing else int(any(patches) and not self.options["exit_zero"])

    def fixed(self, task: Task) -> Task:
        """The task with its file mended; the text of standard input goes to standard output."""
        from shapecalc.cli.mend import bytes_of, mended, write_whole

        done = mended(task, unsafe=self.options["unsafe_fixes"])
        if self.from_stdin:
            sys.stdout.buffer.write(bytes_of(task, done))
            sys.stdout.buffer.flush()
        elif done.count:
            try:
                write_whole(task.path, bytes_of(task, done))
            except OSError as error:
                _say(f"{task.path}: {error.strerror or error}")
                self.missing = True
                return task
        if done.count:
            _say(f"{task.path}: {plural(done.count, 'fix', 'es')} applied")
        task.data = bytes_of(task, done)
        return task

    @property
    def from_stdin(self) -> bool:
        return list(self.named) == [STDIN]

    # what is told

    def told(self, tasks: Sequence[Task], shown: Shown) -> Sequence[Verdict]:
        """Print what is to be said of the files, and give it back."""
        if shown.form in OF_FINDINGS:
            self.cache = self.cache_of_verdicts()
            verdicts = self.unknown(found_of(tasks, self.cache))
            shown.findings(verdicts)
        elif shown.form == "json":
            made = list(spread(object_of, tasks))
            verdicts = self.unknown([verdict for verdict, _ in made])
            shown.objects([document for _, document in made], verdicts)
        else:
            reports = [report_of(task) for task in tasks]
            verdicts = self.unknown([Verdict(report) for report in reports])
            shown.reports(reports, verdicts)
        return verdicts

    def form(self) -> str:
        """The output format: as asked, as the settings say, as the place wants it, or by the number of files."""
        asked: str = self.options["output_format"] or self.here.get("output-format", "")
        if asked:
            if asked not in OF_LAYERS + OF_FINDINGS:
                listed = ", ".join(OF_LAYERS + OF_FINDINGS)
                raise ConfigError(
                    f"{self.here.place('output-format')}: `output-format` is one of {listed}, not {asked!r}"
                )
            return asked
        if os.environ.get("GITHUB_ACTIONS") == "true":
            return "github"
        return "table" if len(self.named) == 1 and not os.path.isdir(self.named[0]) else "concise"

    def keep(self, shown: Shown, status: int) -> None:
        """Keep what was printed for a run that asks and reads the same, if there was nothing to it but that."""
        options = self.options
        more = options["no_cache"] or options["fix"] or options["verbose"] or self.baseline() or shown.step_summary()
        if self.arguments and self.files and shown.form in OF_FINDINGS and not more:
            from shapecalc.cli.replay import keep

            keep(self.arguments, self.inputs, self.files, status, "".join(shown.said))

    def cache_of_verdicts(self) -> Cache | None:
        if self.options["no_cache"] or self.from_stdin:
            return None
        from shapecalc.cli.cache import Cache

        return Cache()

    def unknown(self, verdicts: list[Verdict]) -> list[Verdict]:
        """The verdicts without the findings of the baseline; with --write-baseline all of them go into it."""
        path = self.baseline()
        if path is None:
            if self.options["write_baseline"]:
                raise click.UsageError("--write-baseline wants --baseline FILE, or `baseline` in the settings")
            return verdicts
        from shapecalc.cli.baseline import Baseline

        if self.options["write_baseline"]:
            Baseline.of(verdicts, path).write()
        return Baseline.read(path).without(verdicts)

    def baseline(self) -> str | None:
        """The file of known findings: as asked, or as the settings say."""
        if self.options["baseline"]:
            return str(self.options["baseline"])
        named: str | None = self.here.get("baseline")
        return None if named is None else os.path.join(self.here.folder, named)


def _say(text: str) -> None:
    """A line on standard error, whatever signs the names in it hold."""
    click.echo(f"shapecalc: {in_line(text)}", err=True)


def _settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    if not assignments:
        return {}
    from shapecalc.cli.settings import settings_of

    return settings_of(assignments)


def _check_sort(sort: str | None) -> None:
    if sort is None:
        return
    from shapecalc.render.table import SORTABLE

    if sort not in SORTABLE:
        raise click.UsageError(f"--sort takes one of {', '.join(SORTABLE)}, not {sort!r}")
