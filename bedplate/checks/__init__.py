"""checks: what can be known about a pipeline before any work starts."""
