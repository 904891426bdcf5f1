"""The request: the task folder and the hyper-parameters, typed, with the origin of each value."""
