-- Ids are UUIDv7 as 16 bytes, times are microseconds since the Unix epoch (UTC), booleans are 0 or 1.

CREATE TABLE users (
    id                BLOB    NOT NULL PRIMARY KEY,
    email             TEXT    NOT NULL UNIQUE,
    email_verified    INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    username          TEXT    NOT NULL,
    -- Lower case with look-alike characters folded together: the form that is unique.
    username_skeleton TEXT    NOT NULL UNIQUE,
    display_name      TEXT    NOT NULL,
    bio               TEXT    NOT NULL DEFAULT '',
    password_hash     TEXT    NOT NULL,
    avatar_version    INTEGER,
    created_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE avatars (
    user_id    BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;

CREATE TABLE email_codes (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_id    BLOB    NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    code_hash  BLOB    NOT NULL CHECK (length(code_hash) = 32),
    expires_at INTEGER NOT NULL,
    tries_left INTEGER NOT NULL CHECK (tries_left >= 0),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                  BLOB    NOT NULL PRIMARY KEY,
    user_id             BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash          BLOB    NOT NULL CHECK (length(token_hash) = 32),
    previous_token_hash BLOB    CHECK (length(previous_token_hash) = 32),
    rotated_at          INTEGER,
    created_at          INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL,
    revoked_at          INTEGER,
    user_agent          TEXT    NOT NULL,
    CHECK ((previous_token_hash IS NULL) = (rotated_at IS NULL))
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE rooms (
    id                 BLOB    NOT NULL PRIMARY KEY,
    owner_id           BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name               TEXT    NOT NULL,
    description        TEXT    NOT NULL,
    -- The same without case and diacritics: what a search looks at.
    folded_name        TEXT    NOT NULL,
    folded_description TEXT    NOT NULL,
    is_private         INTEGER NOT NULL CHECK (is_private IN (0, 1)),
    max_participants   INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX rooms_by_age ON rooms (created_at DESC, id DESC);
CREATE INDEX rooms_of_owner ON rooms (owner_id);

CREATE TABLE room_members (
    room_id   BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id   BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of_user ON room_members (user_id);

CREATE TABLE invites (
    id         BLOB    NOT NULL PRIMARY KEY,
    room_id    BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    created_by BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    expires_at INTEGER NOT NULL,
    -- NULL is without limit.
    uses_left  INTEGER CHECK (uses_left >= 0),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invites_of_room ON invites (room_id);
CREATE INDEX invites_of_user ON invites (created_by);

CREATE TABLE outbox_mails (
    id         BLOB    NOT NULL PRIMARY KEY,
    recipient  TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_mails_by_age ON outbox_mails (created_at DESC, id DESC);
