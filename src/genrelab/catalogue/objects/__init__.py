"""Files in object stores."""
