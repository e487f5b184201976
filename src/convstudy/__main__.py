"""The start of `convstudy` and `python -m convstudy`; imports little, so that Ctrl-C is one line from the beginning."""

import sys


def main() -> None:
    """Import the command line and run it; Ctrl-C before or during its import exits with 130."""
    try:
        from convstudy.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("interrupted; repeat the command", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
