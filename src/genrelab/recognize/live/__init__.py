"""Recognize live audio from the microphone or raw PCM."""
