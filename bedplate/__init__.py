"""bedplate: custom base images for machine learning services, from one pipeline.yaml."""

__version__ = "0.1.0"
