"""What ends a run of training with one line in place of a traceback."""

from __future__ import annotations


class Fault(Exception):
    """Something that the user can mend: the text says what is, with the numbers. `status` is the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def why(error: BaseException) -> str:
    """The reason of an error on one line, without the path that the caller names already."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(reason).strip().splitlines()[0]


def of_worker(fault: Fault) -> Fault:
    """A fault that a loader's process met comes with that process's traceback, whose last line is the fault's own."""
    last = str(fault).strip().splitlines()[-1]
    name = f"{Fault.__module__}.{Fault.__qualname__}: "
    return Fault(last.removeprefix(name), fault.status) if last.startswith(name) else fault
