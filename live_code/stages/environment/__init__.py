"""Which packages the job adds to the image, and the environment that holds them: lock, build."""
