-- Names no other table: what is noted outlives accounts and rooms.
CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL,
    actor_id uuid,
    actor_email text,
    target_id text,
    target_type text,
    room_id text,
    address text,
    details jsonb NOT NULL
);
CREATE INDEX audit_log_at_idx ON audit_log (at DESC, id);
CREATE INDEX audit_log_action_idx ON audit_log (action, at DESC);
CREATE INDEX audit_log_actor_id_idx ON audit_log (actor_id, at DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_room_id_idx ON audit_log (room_id, at DESC) WHERE room_id IS NOT NULL;
