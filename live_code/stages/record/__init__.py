"""``run.json``: what was requested, what ran, how long each phase took, how it ended: enough to repeat the run.

Its shape is published: docs/run.schema.json and docs/records.md.
"""
