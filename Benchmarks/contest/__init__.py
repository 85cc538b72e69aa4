"""The contest of Benchmarks/contestants: its stage, its sections, its bars, and the report of them."""
