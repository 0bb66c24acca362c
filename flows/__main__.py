"""Lets `python -m flows` be the command `leadferry`, and Ctrl-C end it in a word while it is still being imported."""

import sys


def main() -> None:
    """Run the command line; what it imports, it imports within."""
    try:
        from flows.cli import main as run_command

        run_command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
