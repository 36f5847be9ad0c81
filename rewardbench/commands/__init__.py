"""Which commands are there? One file each; the file's first line is the command's summary."""
