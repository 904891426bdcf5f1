"""One image that runs any git repository at one pinned commit."""

__version__ = "0.1.0"
