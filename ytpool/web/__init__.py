"""`ytpool serve`: what other machines may ask and tell us over HTTP."""
