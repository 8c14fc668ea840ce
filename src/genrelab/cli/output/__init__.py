"""Output of commands about the library: tables, JSON, CSV."""
