"""Two releases of Lotwise beside each other, on one broker and one database."""
