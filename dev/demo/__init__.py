"""The main job, shown, then checked against the database."""
