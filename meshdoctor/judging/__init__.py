"""Facts and rules brought together over a whole mesh: dump by dump, replicas judged once, shared out over processes."""
