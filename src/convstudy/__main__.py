"""The start of `convstudy` and `python -m convstudy`; imports little, so that Ctrl-C is one line from the beginning."""

import sys

from convstudy.ctrl_c import INTERRUPTED, handle_ctrl_c


def main() -> None:
    """Import the command line and run it; Ctrl-C before or during its import exits with 130."""
    handle_ctrl_c()
    try:
        from convstudy.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("interrupted; repeat the command", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
