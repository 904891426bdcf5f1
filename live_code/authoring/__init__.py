"""For who writes a repository: init, check, demo."""
