"""Stores of decoded corpora, and facts about their clips."""
