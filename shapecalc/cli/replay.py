"""What a run printed and how it ended -> the same again, for a run that is asked the same and reads the same.

Comes before everything else: neither click nor any stage of the analysis is loaded when nothing has changed. A run is
told from others by the program's own state, its arguments, the folder and its repository, what the environment says of
output, and a hash of all that it read. Each way of asking has one file, for the last run of that kind, in the cache's
folder. Whatever is wrong with such a file makes a run slower and nothing else.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING
from zlib import crc32

from shapecalc.cli.cache import KEPT_DAYS, folder, program
from shapecalc.cli.inputs import Inputs, lasting
from shapecalc.source.root import source_root

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENT = (
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "NO_COLOR",
    "SHAPECALC_OUTPUT_FORMAT",
    "TERM",
)
"""The variables that change what a check prints, and where."""
LENGTH = 4
"""Bytes of the length before each part of a file."""
CODING = ("utf-8", "surrogatepass")
SUFFIX = ".shapecalc-run"
"""By which a file of ours is known in a folder that may be somebody else's, too."""


def replayed(arguments: Sequence[str]) -> int | None:
    """The status of an earlier run that asked and read the same, printed again; None where there is none."""
    if arguments[:1] != ["check"]:
        return None
    try:
        question = _question(arguments)
        with open(_path(question), "rb") as file:
            asked, read, (made_by, named, config, status, text) = _parts(file.read())
        if asked != question or made_by != program() or read != _read_now(named.split("\0"), config or None):
            return None
        ended = int(status)
        sys.stdout.write(text)
        sys.stdout.flush()
        return ended
    except BrokenPipeError:
        return 0
    except (OSError, ValueError):  # no such run, a damaged file; what else is wrong is for the run itself to tell
        return None


def keep(arguments: Sequence[str], inputs: Inputs, files: Sequence[tuple[str, bytes]], status: int, text: str) -> None:
    """Keep what a run printed, if it printed on standard output alone, wrote no file, and read nothing but `files`."""
    if not lasting(inputs.named, inputs.config):
        return
    beside = ""
    try:
        question = _question(arguments)
        said = (program(), "\0".join(inputs.named), inputs.config or "", str(status), text)
        parts = [question, inputs.digest(files), *(part.encode(*CODING) for part in said)]
        path = _path(question)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _forget(os.path.dirname(path))
        beside = f"{path.removesuffix(SUFFIX)}.{os.getpid()}{SUFFIX}"
        with open(beside, "wb") as file:
            file.writelines(len(part).to_bytes(LENGTH, "little") + part for part in parts)
        os.replace(beside, path)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)


def _forget(directory: str) -> None:
    """Take away what no run has written for a month."""
    oldest = time.time() - KEPT_DAYS * 86400
    for entry in os.scandir(directory):
        if entry.name.endswith(SUFFIX) and entry.is_file() and entry.stat().st_mtime < oldest:
            os.unlink(entry.path)


def _parts(data: bytes) -> tuple[bytes, bytes, list[str]]:
    """A file of `keep`: the question, the hash of what was read, and the texts. Raises ValueError of anything else."""
    parts = []
    at = 0
    while at < len(data):
        start = at + LENGTH
        at = start + int.from_bytes(data[at:start], "little")
        parts.append(data[start:at])
    if at != len(data):
        raise ValueError("cut short")
    question, read, *said = parts
    return question, read, [part.decode(*CODING) for part in said]


def _question(arguments: Sequence[str]) -> bytes:
    """All that a run is asked, besides what stands in files."""
    out = sys.stdout
    terminal = (out.encoding, out.errors, out.isatty())
    told = [os.environ.get(name) for name in ENVIRONMENT]
    return repr((list(arguments), os.getcwd(), source_root(), terminal, told)).encode(*CODING)


def _path(question: bytes) -> str:
    """Where the last run of a kind lies. Two kinds may meet there; the file says whose it is."""
    return os.path.join(folder(), "runs", f"{crc32(question):08x}{SUFFIX}")


def _read_now(named: Sequence[str], config: str | None) -> bytes:
    """The hash of what the run would read now. Raises OSError and ValueError."""
    if not lasting(named, config):
        raise ValueError("the run itself could not read it any more")
    inputs = Inputs(named, config)
    files = []
    for path, data in inputs.files():
        if isinstance(data, OSError):
            raise data
        files.append((path, data))
    return inputs.digest(files)
