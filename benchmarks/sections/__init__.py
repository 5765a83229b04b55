"""What was measured, as parts of the page: each turns the figures of one suite into a `Section`."""
