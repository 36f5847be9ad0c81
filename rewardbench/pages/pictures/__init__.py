"""One file a picture: results -> SVG and the table of the numbers that it shows. The folder is the list."""
