"""The demo: one pinned commit of ``examples/torch-detector`` through training, mining and infer, on this machine."""
