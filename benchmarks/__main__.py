"""`python -m benchmarks [--gate]`: every benchmark, median and spread; with --gate exit 1 where a bound is broken."""

from __future__ import annotations

import argparse
import sys

from benchmarks import engine, large, many, process


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--gate", action="store_true", help="exit 1 where a bound is broken")
    gate = parser.parse_args().gate
    results = [result for module in (process, engine, large, many) for result in module.results()]
    for result in results:
        print(result)
    return int(gate and any(result.broken for result in results))


if __name__ == "__main__":
    sys.exit(main())
