"""Facts and rules brought together over a whole mesh, proxy by proxy, and refreshed while somebody watches."""
