"""What knows nothing of tasks: git, packages, store, settings, telemetry, machine, processes, files, terminal."""
