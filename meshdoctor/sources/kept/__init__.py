"""What a capture keeps: an allow-list of the texts that a diagnosis reads; of every other text the length."""
