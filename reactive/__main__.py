"""`python -m reactive`."""

from reactive.cli import main

main()
