"""One step of a run each, in this order: request, code, environment, launch, supervise, results, record."""
