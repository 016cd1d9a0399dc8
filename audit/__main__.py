"""Lets `python -m recaudit.audit` do what the command `audit` does."""

from recaudit.audit.cli import main

main()
