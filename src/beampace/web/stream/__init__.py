"""What happens, as it happens: one hub reads ledger and live files, every reader gets its share."""
