PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'accounts and rooms','2026-11-21 16:15:10',1,X'cf4deedc46a9e47509b2b2fdc1d1fadff8b257c7cd843e47057465a0be1a4f6ca41dcc9437d04efcffd577443b5a69c0',2493530);
INSERT INTO _sqlx_migrations VALUES(2,'forwarded speakers','2026-11-21 16:15:10',1,X'795547bc4b4c3f8e83620aa74cf265125d4e8dae33bf46cfd4e5eb09157b2de579b3638756a894d59a7f4a6d3823294f',990449);
INSERT INTO _sqlx_migrations VALUES(3,'room mutes','2026-11-21 16:15:10',1,X'20a50ff3bdd90b29c087d4f3202b41d39c14c90d4dc2763e5493b7bc4715e4bfedb37b04901c73dffb1db30f73076d41',664565);
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
INSERT INTO users VALUES(X'0192a0b000007000800000000000000a','ada@example.org',1,'ada','ada','Ada Lovelace','First of all.','$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA',1795255200000005,1795255200000000);
INSERT INTO users VALUES(X'0192a0b000007000800000000000000b','bob@example.org',0,'bob','bob','Bob','','',NULL,1795255200000001);
CREATE TABLE avatars (
    user_id    BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;
INSERT INTO avatars VALUES(X'0192a0b000007000800000000000000a','image/png',X'89504e472070696374757265');
CREATE TABLE email_codes (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_id    BLOB    NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    code_hash  BLOB    NOT NULL CHECK (length(code_hash) = 32),
    expires_at INTEGER NOT NULL,
    tries_left INTEGER NOT NULL CHECK (tries_left >= 0),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO email_codes VALUES(X'0192a0b0000070008000000000000020',X'0192a0b000007000800000000000000b',X'3333333333333333333333333333333333333333333333333333333333333333',1795256100000000,4,1795255200000000);
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
INSERT INTO sessions VALUES(X'0192a0b0000070008000000000000030',X'0192a0b000007000800000000000000a',X'1111111111111111111111111111111111111111111111111111111111111111',X'1212121212121212121212121212121212121212121212121212121212121212',1795255260000000,1795255200000000,1805255200000000,NULL,'Firefox on Linux');
INSERT INTO sessions VALUES(X'0192a0b0000070008000000000000031',X'0192a0b000007000800000000000000a',X'1313131313131313131313131313131313131313131313131313131313131313',NULL,NULL,1795255200000000,1805255200000000,1795255200000001,'Ended');
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
, max_forwarded_speakers INTEGER CHECK (max_forwarded_speakers BETWEEN 1 AND 32)) STRICT;
INSERT INTO rooms VALUES(X'0192a0b0000070008000000000000010',X'0192a0b000007000800000000000000a','Tea at five','Everybody is welcome.','tea at five','everybody is welcome.',0,100,1795255200000000,1795255200000007,4);
INSERT INTO rooms VALUES(X'0192a0b0000070008000000000000011',X'0192a0b000007000800000000000000b','Dén','','den','',1,2,1795255200000001,1795255200000001,NULL);
CREATE TABLE room_members (
    room_id   BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id   BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO room_members VALUES(X'0192a0b0000070008000000000000011',X'0192a0b000007000800000000000000a',1795255200000002);
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
INSERT INTO invites VALUES(X'0192a0b0000070008000000000000040',X'0192a0b0000070008000000000000011',X'0192a0b000007000800000000000000b',X'2222222222222222222222222222222222222222222222222222222222222222',1796255200000000,3,1795255200000003);
CREATE TABLE outbox_mails (
    id         BLOB    NOT NULL PRIMARY KEY,
    recipient  TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_mails VALUES(X'0192a0b0000070008000000000000050','bob@example.org','Your code','It is 123456.',1795255200000000);
CREATE TABLE room_mutes (
    room_id BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO room_mutes VALUES(X'0192a0b0000070008000000000000010',X'0192a0b000007000800000000000000b');
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('_sqlx_migrations','sqlite_autoindex__sqlx_migrations_1','3 1');
ANALYZE sqlite_schema;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX rooms_by_age ON rooms (created_at DESC, id DESC);
CREATE INDEX rooms_of_owner ON rooms (owner_id);
CREATE INDEX memberships_of_user ON room_members (user_id);
CREATE INDEX invites_of_room ON invites (room_id);
CREATE INDEX invites_of_user ON invites (created_by);
CREATE INDEX outbox_mails_by_age ON outbox_mails (created_at DESC, id DESC);
CREATE INDEX room_mutes_of_user ON room_mutes (user_id);
COMMIT;
