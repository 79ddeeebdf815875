"""The command line of cortado."""
