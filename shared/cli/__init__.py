"""The `lotwise` command: what the operator does by hand. One file for each command."""
