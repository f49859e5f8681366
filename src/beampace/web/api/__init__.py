"""The typed JSON behind each page, and the files."""
