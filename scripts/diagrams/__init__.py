"""The three pictures of docs/how, drawn from what the code says: layers of imports, fields, file names."""
