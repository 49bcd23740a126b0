"""Why: a job, an account, a project's buckets. What is known, what stands in the way now, what would change it."""
