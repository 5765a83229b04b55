"""What the services share."""

__version__ = "0.1.0"
"""The release; `pyproject.toml` reads it from here, so that it is known where the project was never installed."""
