"""Watch folders: recognize music as it arrives, tag it if asked, and tell other programs."""
