"""`check --fix` and `--diff`: mended text written back whole, printed for standard input, or shown as a patch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shapecalc.cli.examine import Task, report_of

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report
    from shapecalc.lint.fix import Mended


def mended(task: Task, *, unsafe: bool) -> Mended:
    """The text of a file with its fixes applied, and the report of that."""
    from shapecalc.lint.fix import mend

    def analyse(text: str) -> Report:
        again = Task.__new__(Task)
        for name in Task.__slots__:
            setattr(again, name, getattr(task, name))
        again.data = text.encode("utf-8")
        return report_of(again)

    return mend(report_of(task), analyse, unsafe=unsafe)


def bytes_of(task: Task, done: Mended) -> bytes:
    """The mended file, with the byte order mark that it had; one without fixes as it was, text or not."""
    from codecs import BOM_UTF8

    if not done.count:
        return task.data
    mark = BOM_UTF8 if task.data.startswith(BOM_UTF8) else b""
    return mark + done.text.encode("utf-8")


def patch(task: Task, done: Mended) -> str:
    """The change as a unified diff, of lines that end in a line feed whatever else breaks them; empty for none."""
    from difflib import unified_diff
    from io import StringIO

    if not done.count:
        return ""
    texts = [data.decode("utf-8") for data in (task.data, bytes_of(task, done))]
    before, after = (StringIO(text, newline="\n").readlines() for text in texts)
    name = _name(task.path)
    lines = unified_diff(before, after, name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _name(path: str) -> str:
    """A file's name as git and patch read it: in quotes where it could not stand so, with a tab behind blanks."""
    escapes = {ord(c): f"\\{ord(c):03o}" for c in path if c < " " or c in '"\\\x7f'}
    if escapes:
        return f'"{path.translate(escapes)}"'
    return f"{path}\t" if " " in path else path


def write_whole(path: str, data: bytes) -> None:
    """Replace a file whole or not at all: written beside it, then renamed; a link's target is replaced, modes stay.

    A file that may not be written is not replaced either. Raises OSError.
    """
    from errno import EACCES
    from shutil import copymode
    from tempfile import NamedTemporaryFile

    target = os.path.realpath(path)
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), path)
    with NamedTemporaryFile(dir=os.path.dirname(target), prefix=".shapecalc-", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    try:
        if os.path.exists(target):
            copymode(target, file.name)
        os.replace(file.name, target)
    except BaseException:
        os.unlink(file.name)
        raise
