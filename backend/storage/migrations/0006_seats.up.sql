-- One row a seat that is taken now: enough to give it back to its participant by any process. It comes and goes in
-- the same transaction as its attendance is opened and closed. A sign-in may end and be forgotten before the seat.
CREATE TABLE seats (
    participant_id text PRIMARY KEY REFERENCES attendance (participant_id) ON DELETE CASCADE,
    room_id text NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id text NOT NULL,
    resume_hash bytea NOT NULL,
    is_producer boolean NOT NULL,
    joined_at timestamptz NOT NULL,
    hand_raised_at timestamptz
);
CREATE INDEX seats_room_id_idx ON seats (room_id, joined_at);
CREATE INDEX seats_user_id_idx ON seats (user_id);

-- From before there were seats: whoever was in a room then has no seat to come back to.
UPDATE attendance SET left_at = greatest(joined_at, now()) WHERE left_at IS NULL;
