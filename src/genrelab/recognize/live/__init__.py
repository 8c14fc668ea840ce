"""Sound that is still coming: recognizing it, the microphone, raw PCM."""
