"""Fixes written to files: users' manifests, new files, exports."""
