"""HTML pages and SVG pictures, for both wings: base template, macros, style sheet, colours of genres."""
