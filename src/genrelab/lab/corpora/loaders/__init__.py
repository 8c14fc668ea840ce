"""Readers of collections: one file per dataset or kind of file."""
