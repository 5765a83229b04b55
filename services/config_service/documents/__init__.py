"""The contract as pages: every message and every call, served by the service itself, with nothing from elsewhere."""
