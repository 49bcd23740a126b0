"""Pages, and `ytpool serve`: what other machines may ask and tell us over HTTP, and what people see in a browser."""
