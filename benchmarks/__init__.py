"""benchmarks: how long Bedplate takes, as ratios to a peer that is measured in the same run."""
