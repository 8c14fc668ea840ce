"""One module per decoding library, and the choice between them."""
