"""Other services that we look at or drive."""
