"""The story of a run in its order, and the shorter ways through its stages: resolve, checkout, lock, bundle, shell."""
