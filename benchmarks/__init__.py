"""Speed as ratios: each figure stands beside a named floor that was measured in the same run."""
