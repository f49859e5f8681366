"""The HTTP interface: every route needs a token; it talks to the daemon through a small protocol."""
