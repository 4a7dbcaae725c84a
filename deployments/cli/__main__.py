"""`python -m deployments.cli` is `fraud`."""

from deployments.cli import program

program()
