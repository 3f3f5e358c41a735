-- How many speakers are forwarded in the room at the same time; NULL is as many as the server is configured for.
ALTER TABLE rooms ADD COLUMN max_forwarded_speakers BIGINT CHECK (max_forwarded_speakers BETWEEN 1 AND 32);
