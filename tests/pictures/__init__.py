"""Pictures of the session: one SVG a scene, drawn by the app itself. `python -m tests.pictures` draws them anew."""
