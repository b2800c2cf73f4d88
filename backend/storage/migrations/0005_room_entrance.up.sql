-- The password is kept as a bcrypt hash; null: the room has none.
ALTER TABLE rooms
    ADD COLUMN waiting_room boolean NOT NULL DEFAULT false,
    ADD COLUMN password_hash text,
    ADD COLUMN invitation_required boolean NOT NULL DEFAULT false,
    ADD COLUMN one_seat_per_user boolean NOT NULL DEFAULT false;

-- One invitation a room; a new one replaces it. The token is random, so its SHA-256 is enough.
CREATE TABLE invitations (
    room_id text PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Whom somebody who runs the room let in from the waiting room. Counts while the class lasts.
CREATE TABLE admissions (
    room_id text NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    admitted_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX admissions_user_id_idx ON admissions (user_id);
