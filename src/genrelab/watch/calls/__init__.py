"""Call commands and URLs after files arrived."""
