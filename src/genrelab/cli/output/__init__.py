"""What commands print and write about the library: tables, JSON, CSV."""
