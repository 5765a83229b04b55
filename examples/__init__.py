"""Programs that connect to Lotwise as others do: by its client package and its messages alone."""
