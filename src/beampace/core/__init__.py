"""Plain typed records and pure functions: the nouns every other room speaks in."""
