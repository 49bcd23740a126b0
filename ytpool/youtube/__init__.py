"""HTTP to Google, and only here. Requests are built from Google's own discovery document and sent by ourselves."""
