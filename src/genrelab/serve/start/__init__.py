"""Start a server: its address, its token, its run, and a check of its promises."""
