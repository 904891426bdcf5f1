"""Child processes: running them, finding those below one of ours, and the guard that outlives a run."""
