-- `number` is the order in which messages were said; a time can repeat, and clocks are set back.
CREATE TABLE messages (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    room_id text NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    participant_id text NOT NULL,
    user_id uuid REFERENCES users (id) ON DELETE SET NULL,
    full_name text NOT NULL,
    text text NOT NULL CHECK (char_length(text) BETWEEN 1 AND 4000),
    sent_at timestamptz NOT NULL
);
CREATE INDEX messages_room_id_idx ON messages (room_id, number);
CREATE INDEX messages_user_id_idx ON messages (user_id);

-- Who is in a room is asked with every look at its messages; how often somebody was, with every report.
CREATE INDEX attendance_open_user_idx ON attendance (room_id, user_id) WHERE left_at IS NULL;
DROP INDEX attendance_room_id_idx;
CREATE INDEX attendance_room_id_idx ON attendance (room_id, joined_at, participant_id);
