"""What the benchmarks share: servers of their own, products, load, and how figures are printed."""
