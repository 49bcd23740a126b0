"""The state: SQL, and only here. Functions take the transaction first; actions open it."""
