"""builders: a Dockerfile and its files become an image, by one of several ways."""
