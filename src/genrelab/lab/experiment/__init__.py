"""One experiment: train, test, record, report, export; and the final recognizer."""
