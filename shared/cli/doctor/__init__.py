"""`lotwise doctor`: facts are gathered in one place each, and judged by pure functions."""
