"""clients.azure: Azure, asked over its REST interfaces with the sign-in that `az login` left."""
