"""The execution of scripts: commands and calls, many at once."""
