"""`python -m cortado_cli` is `cortado`."""

from cortado_cli.main import run

run()
