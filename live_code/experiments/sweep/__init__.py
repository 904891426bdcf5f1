"""Sweeps: many commits times many settings, on this machine or on a Ray cluster. docs/sweeps.md tells the whole."""
