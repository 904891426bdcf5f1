"""Which commit is meant, and its files: source, work place, checkout."""
