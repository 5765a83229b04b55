"""What the benchmarks compare with: the plainest program that does the same, in the ordinary way."""
