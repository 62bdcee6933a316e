"""`python -m waakzaam`."""

from waakzaam.cli import main

main()
