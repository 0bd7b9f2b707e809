"""What a fix would change: which sidecars it affects, and which of their connections and rules, predicted."""
