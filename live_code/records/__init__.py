"""Finished runs: listing, compare, reproduce, report, export."""
