"""Records into files and onto the terminal: tables, JSON, CSV, Parquet, pictures, CUE sheets."""
