-- Whose a video is, and what was done to it, is asked by its id.

CREATE INDEX jobs_by_video ON jobs (video_id);
