-- Ids are UUIDv7, times are microseconds since the Unix epoch (UTC).

CREATE TABLE users (
    id                UUID    NOT NULL PRIMARY KEY,
    email             TEXT    NOT NULL UNIQUE,
    email_verified    BOOLEAN NOT NULL DEFAULT FALSE,
    username          TEXT    NOT NULL,
    -- Lower case with look-alike characters folded together: the form that is unique.
    username_skeleton TEXT    NOT NULL UNIQUE,
    display_name      TEXT    NOT NULL,
    bio               TEXT    NOT NULL DEFAULT '',
    password_hash     TEXT    NOT NULL,
    avatar_version    BIGINT,
    created_at        BIGINT  NOT NULL
);

CREATE TABLE avatars (
    user_id    UUID    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    media_type TEXT    NOT NULL,
    bytes      BYTEA   NOT NULL
);

CREATE TABLE email_codes (
    id         UUID    NOT NULL PRIMARY KEY,
    user_id    UUID    NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    code_hash  BYTEA   NOT NULL CHECK (octet_length(code_hash) = 32),
    expires_at BIGINT  NOT NULL,
    tries_left BIGINT  NOT NULL CHECK (tries_left >= 0),
    created_at BIGINT  NOT NULL
);

CREATE TABLE sessions (
    id                  UUID    NOT NULL PRIMARY KEY,
    user_id             UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash          BYTEA   NOT NULL CHECK (octet_length(token_hash) = 32),
    previous_token_hash BYTEA   CHECK (octet_length(previous_token_hash) = 32),
    rotated_at          BIGINT,
    created_at          BIGINT  NOT NULL,
    expires_at          BIGINT  NOT NULL,
    revoked_at          BIGINT,
    user_agent          TEXT    NOT NULL,
    CHECK ((previous_token_hash IS NULL) = (rotated_at IS NULL))
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE rooms (
    id                 UUID    NOT NULL PRIMARY KEY,
    owner_id           UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name               TEXT    NOT NULL,
    description        TEXT    NOT NULL,
    -- The same without case and diacritics: what a search looks at.
    folded_name        TEXT    NOT NULL,
    folded_description TEXT    NOT NULL,
    is_private         BOOLEAN NOT NULL,
    max_participants   BIGINT  NOT NULL,
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL
);
CREATE INDEX rooms_by_age ON rooms (created_at DESC, id DESC);
CREATE INDEX rooms_of_owner ON rooms (owner_id);

CREATE TABLE room_members (
    room_id   UUID    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id   UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at BIGINT  NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX memberships_of_user ON room_members (user_id);

CREATE TABLE invites (
    id         UUID    NOT NULL PRIMARY KEY,
    room_id    UUID    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    created_by UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BYTEA   NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    expires_at BIGINT  NOT NULL,
    -- NULL is without limit.
    uses_left  BIGINT  CHECK (uses_left >= 0),
    created_at BIGINT  NOT NULL
);
CREATE INDEX invites_of_room ON invites (room_id);
CREATE INDEX invites_of_user ON invites (created_by);

CREATE TABLE outbox_mails (
    id         UUID    NOT NULL PRIMARY KEY,
    recipient  TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL
);
CREATE INDEX outbox_mails_by_age ON outbox_mails (created_at DESC, id DESC);
