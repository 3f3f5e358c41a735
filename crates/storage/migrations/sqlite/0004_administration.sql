-- What somebody may do on the server as a whole.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin'));
-- Since when the user may not log in.
ALTER TABLE users ADD COLUMN blocked_at INTEGER;
-- Address and names without case and diacritics: what a search looks at. NULL in rows of before, until the server has filled it in.
ALTER TABLE users ADD COLUMN folded_names TEXT;
CREATE INDEX users_to_fold ON users (id) WHERE folded_names IS NULL;
CREATE INDEX users_by_age ON users (created_at DESC, id DESC);

-- What moderators, admins and the operator did. Names as they were then; nothing here hangs on users or rooms, which may go.
CREATE TABLE audit_log (
    id              BLOB NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL,
    actor_kind      TEXT NOT NULL CHECK (actor_kind IN ('user', 'operator', 'server')),
    actor_id        BLOB,
    actor_username  TEXT,
    action          TEXT NOT NULL,
    target_id       BLOB,
    target_username TEXT,
    room_id         BLOB,
    room_name       TEXT,
    detail          TEXT NOT NULL,
    -- All names and the detail without case and diacritics.
    folded          TEXT NOT NULL,
    CHECK ((actor_kind = 'user') = (actor_id IS NOT NULL AND actor_username IS NOT NULL)),
    CHECK ((target_id IS NULL) = (target_username IS NULL)),
    CHECK ((room_id IS NULL) = (room_name IS NULL))
) STRICT;
CREATE INDEX audit_log_by_age ON audit_log (at DESC, id DESC);
CREATE INDEX audit_log_of_actor ON audit_log (actor_id);
CREATE INDEX audit_log_of_target ON audit_log (target_id);

-- Rows that transactions touch so that others wait for them.
CREATE TABLE locks (
    name TEXT NOT NULL PRIMARY KEY
) STRICT;
INSERT INTO locks (name) VALUES ('admins');
