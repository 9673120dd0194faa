"""The benchmark: every contender on the same work in the same run."""
