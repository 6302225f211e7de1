"""`python -m benchmarks [--gate] [NAME ...]`: median and spread; with --gate exit 1 where a bound is broken.

Without a name those run that take seconds; the others, which take minutes, are asked for by name.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import engine, large, many, process, training

QUICK = {"process": process, "engine": engine, "large": large, "many": many}
ALL = {**QUICK, "training": training}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--gate", action="store_true", help="exit 1 where a bound is broken")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ALL)} [default: {', '.join(QUICK)}]")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in ALL]:
        parser.error(f"no benchmark is called {', '.join(unknown)}")
    results = [result for name in given.names or QUICK for result in ALL[name].results()]
    for result in results:
        print(result)
    return int(given.gate and any(result.broken for result in results))


if __name__ == "__main__":
    sys.exit(main())
