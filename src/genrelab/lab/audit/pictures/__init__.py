"""The audit of a corpus of pictures: equal ones, and ones that show the same recording."""
