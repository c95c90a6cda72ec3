"""A Dockerfile, read as BuildKit reads it."""
