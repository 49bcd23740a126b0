"""Values and rules. Pure: nothing here reads a file, a clock or dice of its own."""
