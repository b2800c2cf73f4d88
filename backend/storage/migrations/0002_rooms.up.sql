-- The id is a UUID, or what the maker chose within [A-Za-z0-9._~-]{1,128}.
CREATE TABLE rooms (
    id text PRIMARY KEY,
    name text NOT NULL,
    owner_id uuid REFERENCES users (id) ON DELETE SET NULL,
    max_participants integer NOT NULL CHECK (max_participants > 0),
    is_locked boolean NOT NULL,
    students_may_publish boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX rooms_created_at_idx ON rooms (created_at DESC, id);
CREATE INDEX rooms_owner_id_idx ON rooms (owner_id);

-- One row a seat; left_at is null while it is taken. Name and role are those of the time.
CREATE TABLE attendance (
    participant_id text PRIMARY KEY,
    room_id text NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id uuid REFERENCES users (id) ON DELETE SET NULL,
    full_name text NOT NULL,
    role text NOT NULL,
    joined_at timestamptz NOT NULL,
    left_at timestamptz
);
CREATE INDEX attendance_room_id_idx ON attendance (room_id, joined_at);
CREATE INDEX attendance_user_id_idx ON attendance (user_id);
CREATE INDEX attendance_open_idx ON attendance (room_id) WHERE left_at IS NULL;
