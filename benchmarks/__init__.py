"""Speed of this model and of others, on one workload that all of them can express."""
