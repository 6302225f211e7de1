"""`python -m shapecalc`, and the entry point of the `shapecalc` command."""

from shapecalc.cli.group import main

if __name__ == "__main__":
    main()
