"""The engines that run `genrelab.catalogue.records.records` on many files."""
