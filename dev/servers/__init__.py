"""Broker and database servers: given, in containers, or private from local binaries."""
