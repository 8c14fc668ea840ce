"""`genrelab serve`: the page, the HTTP interface and the watcher. Needs the extra `serve`."""
