-- A file that is gone is known by the path it was uploaded from.

CREATE INDEX uploads_by_path ON uploads (path);
