"""All of a database out of it, and rows into it: export and import."""
