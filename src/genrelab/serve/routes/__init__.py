"""The routes of the HTTP interface, one file per resource: `ENDPOINTS` lists those of a file."""
