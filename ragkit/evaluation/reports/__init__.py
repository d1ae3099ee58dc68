"""A report in the forms that people and programs read, one to a file."""
