"""Hands over to the command line."""

from tracesvc.cli import main

if __name__ == "__main__":
    main()
