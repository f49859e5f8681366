"""The ledger: beamtimes, datasets, jobs, attempts, results and events in SQLite or PostgreSQL."""
