"""A local YouTube and Google login, written from the facts and never from our client, to rehearse and to test."""
