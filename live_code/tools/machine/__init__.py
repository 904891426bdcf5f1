"""The machine and the image as they are found: container, host, interpreter and its packages."""
