"""Whether a fix worked: the diagnosis after it compared with the one before."""
