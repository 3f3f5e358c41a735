-- Whom a moderator muted in a room: counts until a moderator lifts it, also when people leave and the server restarts.
CREATE TABLE room_mutes (
    room_id UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_mutes_of_user ON room_mutes (user_id);
