SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE public.avatars (
    user_id uuid NOT NULL,
    media_type text NOT NULL,
    bytes bytea NOT NULL
);
CREATE TABLE public.email_codes (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    expires_at bigint NOT NULL,
    tries_left bigint NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT email_codes_code_hash_check CHECK ((octet_length(code_hash) = 32)),
    CONSTRAINT email_codes_tries_left_check CHECK ((tries_left >= 0))
);
CREATE TABLE public.invites (
    id uuid NOT NULL,
    room_id uuid NOT NULL,
    created_by uuid NOT NULL,
    token_hash bytea NOT NULL,
    expires_at bigint NOT NULL,
    uses_left bigint,
    created_at bigint NOT NULL,
    CONSTRAINT invites_token_hash_check CHECK ((octet_length(token_hash) = 32)),
    CONSTRAINT invites_uses_left_check CHECK ((uses_left >= 0))
);
CREATE TABLE public.outbox_mails (
    id uuid NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.room_members (
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    joined_at bigint NOT NULL
);
CREATE TABLE public.room_mutes (
    room_id uuid NOT NULL,
    user_id uuid NOT NULL
);
CREATE TABLE public.rooms (
    id uuid NOT NULL,
    owner_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    folded_name text NOT NULL,
    folded_description text NOT NULL,
    is_private boolean NOT NULL,
    max_participants bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    max_forwarded_speakers bigint,
    CONSTRAINT rooms_max_forwarded_speakers_check CHECK (((max_forwarded_speakers >= 1) AND (max_forwarded_speakers <= 32)))
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    previous_token_hash bytea,
    rotated_at bigint,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    user_agent text NOT NULL,
    CONSTRAINT sessions_check CHECK (((previous_token_hash IS NULL) = (rotated_at IS NULL))),
    CONSTRAINT sessions_previous_token_hash_check CHECK ((octet_length(previous_token_hash) = 32)),
    CONSTRAINT sessions_token_hash_check CHECK ((octet_length(token_hash) = 32))
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    email_verified boolean DEFAULT false NOT NULL,
    username text NOT NULL,
    username_skeleton text NOT NULL,
    display_name text NOT NULL,
    bio text DEFAULT ''::text NOT NULL,
    password_hash text NOT NULL,
    avatar_version bigint,
    created_at bigint NOT NULL
);
INSERT INTO public._sqlx_migrations VALUES (1, 'accounts and rooms', '2026-11-21 16:15:27.876857+00', true, '\x9991a2a9b0b1368e2c7f7a95ad119d49d5b74f7165489a1ccad0a197d96df119b048b8724e432096d9fa2d65dc6459cb', 296455507);
INSERT INTO public._sqlx_migrations VALUES (2, 'forwarded speakers', '2026-11-21 16:15:28.216816+00', true, '\x9ee3289679c39771a0a8b0ae6c6e3884119b56d910e9bdf439675dbbb42f8c040f187bf27d4c27e185be8a919559a188', 33678686);
INSERT INTO public._sqlx_migrations VALUES (3, 'room mutes', '2026-11-21 16:15:28.296818+00', true, '\x7c09b90e1fcadb0335357c3128cbada234a4402f502b27579f4b22bb93f9b4316ce889bdd5c918d5fef93a1cb99adeb2', 174522187);
INSERT INTO public.avatars VALUES ('0192a0b0-0000-7000-8000-00000000000a', 'image/png', '\x89504e472070696374757265');
INSERT INTO public.email_codes VALUES ('0192a0b0-0000-7000-8000-000000000020', '0192a0b0-0000-7000-8000-00000000000b', '\x3333333333333333333333333333333333333333333333333333333333333333', 1795256100000000, 4, 1795255200000000);
INSERT INTO public.invites VALUES ('0192a0b0-0000-7000-8000-000000000040', '0192a0b0-0000-7000-8000-000000000011', '0192a0b0-0000-7000-8000-00000000000b', '\x2222222222222222222222222222222222222222222222222222222222222222', 1796255200000000, 3, 1795255200000003);
INSERT INTO public.outbox_mails VALUES ('0192a0b0-0000-7000-8000-000000000050', 'bob@example.org', 'Your code', 'It is 123456.', 1795255200000000);
INSERT INTO public.room_members VALUES ('0192a0b0-0000-7000-8000-000000000011', '0192a0b0-0000-7000-8000-00000000000a', 1795255200000002);
INSERT INTO public.room_mutes VALUES ('0192a0b0-0000-7000-8000-000000000010', '0192a0b0-0000-7000-8000-00000000000b');
INSERT INTO public.rooms VALUES ('0192a0b0-0000-7000-8000-000000000010', '0192a0b0-0000-7000-8000-00000000000a', 'Tea at five', 'Everybody is welcome.', 'tea at five', 'everybody is welcome.', false, 100, 1795255200000000, 1795255200000007, 4);
INSERT INTO public.rooms VALUES ('0192a0b0-0000-7000-8000-000000000011', '0192a0b0-0000-7000-8000-00000000000b', 'Dén', '', 'den', '', true, 2, 1795255200000001, 1795255200000001, NULL);
INSERT INTO public.sessions VALUES ('0192a0b0-0000-7000-8000-000000000030', '0192a0b0-0000-7000-8000-00000000000a', '\x1111111111111111111111111111111111111111111111111111111111111111', '\x1212121212121212121212121212121212121212121212121212121212121212', 1795255260000000, 1795255200000000, 1805255200000000, NULL, 'Firefox on Linux');
INSERT INTO public.sessions VALUES ('0192a0b0-0000-7000-8000-000000000031', '0192a0b0-0000-7000-8000-00000000000a', '\x1313131313131313131313131313131313131313131313131313131313131313', NULL, NULL, 1795255200000000, 1805255200000000, 1795255200000001, 'Ended');
INSERT INTO public.users VALUES ('0192a0b0-0000-7000-8000-00000000000a', 'ada@example.org', true, 'ada', 'ada', 'Ada Lovelace', 'First of all.', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA', 1795255200000005, 1795255200000000);
INSERT INTO public.users VALUES ('0192a0b0-0000-7000-8000-00000000000b', 'bob@example.org', false, 'bob', 'bob', 'Bob', '', '', NULL, 1795255200000001);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.avatars
    ADD CONSTRAINT avatars_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.email_codes
    ADD CONSTRAINT email_codes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.email_codes
    ADD CONSTRAINT email_codes_user_id_key UNIQUE (user_id);
ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY public.outbox_mails
    ADD CONSTRAINT outbox_mails_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_pkey PRIMARY KEY (room_id, user_id);
ALTER TABLE ONLY public.room_mutes
    ADD CONSTRAINT room_mutes_pkey PRIMARY KEY (room_id, user_id);
ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_skeleton_key UNIQUE (username_skeleton);
CREATE INDEX invites_of_room ON public.invites USING btree (room_id);
CREATE INDEX invites_of_user ON public.invites USING btree (created_by);
CREATE INDEX memberships_of_user ON public.room_members USING btree (user_id);
CREATE INDEX outbox_mails_by_age ON public.outbox_mails USING btree (created_at DESC, id DESC);
CREATE INDEX room_mutes_of_user ON public.room_mutes USING btree (user_id);
CREATE INDEX rooms_by_age ON public.rooms USING btree (created_at DESC, id DESC);
CREATE INDEX rooms_of_owner ON public.rooms USING btree (owner_id);
CREATE INDEX sessions_by_expiry ON public.sessions USING btree (expires_at);
CREATE INDEX sessions_of_user ON public.sessions USING btree (user_id);
ALTER TABLE ONLY public.avatars
    ADD CONSTRAINT avatars_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.email_codes
    ADD CONSTRAINT email_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.room_mutes
    ADD CONSTRAINT room_mutes_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.room_mutes
    ADD CONSTRAINT room_mutes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
