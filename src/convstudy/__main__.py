"""`python -m convstudy`."""

from convstudy.cli.app import main

main()
