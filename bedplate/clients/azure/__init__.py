"""azure: the clients of Azure: sign-in, Resource Manager, registries, blob storage."""
