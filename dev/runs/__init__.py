"""Runs of programs, and the promise that everything they made goes again."""
