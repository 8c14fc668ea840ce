"""Loaders: one module per corpus states its layout, licence and citation, and how a clip is read."""
