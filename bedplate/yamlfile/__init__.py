"""YAML files, each part with its place, and what is wrong with them."""
