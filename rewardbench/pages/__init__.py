"""What do people look at? Pages made of results: one file each, nothing fetched, nothing that phones home."""
