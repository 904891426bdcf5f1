"""Output for a person: log lines, tables, and the lines that stand at the foot of a terminal."""
