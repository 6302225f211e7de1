"""`python -m shapecalc`, and the entry point of the `shapecalc` command: how every run begins and ends."""

import gc
import os
import sys

from shapecalc.cli.replay import replayed


def main() -> None:
    """Run the command line and exit with its status."""
    # A run is short and what it makes lives to its end: collecting garbage would only trace it over and over, and
    # taking it apart object by object at the end would only cost time.
    gc.disable()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - to the end of the process
    status = _status(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            pass
        except OSError:
            status = 2
    os._exit(status)


def _status(arguments: list[str]) -> int:
    try:
        os.getcwd()
        known = replayed(arguments)
    except FileNotFoundError:
        sys.stderr.write("shapecalc: the current folder has been deleted\n")
        return 2
    except KeyboardInterrupt:
        return 130
    if known is not None:
        return known
    from shapecalc.cli.group import run

    return run(arguments)


if __name__ == "__main__":
    main()
