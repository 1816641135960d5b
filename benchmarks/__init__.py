"""`python -m benchmarks.run boosting` prints the README's tables; pytest-benchmark runs `bench_<stem>.py`."""
