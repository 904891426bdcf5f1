"""What knows nothing of tasks: git, packages, store, telemetry, machine, processes, files, terminal."""
