"""The private servers and tools that `make run` and `make test` work with, all under .local/."""
