"""Studies over several runs: comparisons, other corpora, model files, tables, searches."""
