"""The local stack: a place in the servers, and the services as processes."""
