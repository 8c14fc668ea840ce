"""Model files for others: their card, their check, and a folder for a model hub.

- `figures`: what a model file states about its quality
- `verify`: whether a model file does what it states
- `hub`: the folder of a Hugging Face model repository
"""
