"""Lets `python -m flows` be the command `leadferry`."""

from flows.cli import main

main()
