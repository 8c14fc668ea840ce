"""Files that requests bring: they lie in a temporary folder of the server until their job has ended."""
