"""How applications name the hosts that they connect to: the names and values of their settings."""
