-- One row a backend process. Whoever holds the advisory lock of the row's number lives; the lock goes with its
-- connection. The row goes with a planned stop, or when another backend finds that the process is gone.
CREATE TABLE backends (
    id uuid PRIMARY KEY,
    number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    url text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- Which backend holds a live room in its memory. A new claim each time it opens the room.
CREATE TABLE room_homes (
    room_id text PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    backend_id uuid NOT NULL REFERENCES backends (id) ON DELETE CASCADE,
    claim_id uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX room_homes_backend_id_idx ON room_homes (backend_id);

-- The locks are of class "vtpb" in ASCII, in the form of two integers.
CREATE FUNCTION backend_has_lock(backend_number integer) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (
        SELECT 1 FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 1987342434::oid AND objid = backend_number::oid AND objsubid = 2
        AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
$$;

-- Grows with each change, so that of two versions of a room that arrive in any order the newer one counts.
ALTER TABLE rooms ADD COLUMN version bigint NOT NULL DEFAULT 0;
CREATE FUNCTION next_room_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER rooms_version BEFORE UPDATE ON rooms FOR EACH ROW EXECUTE FUNCTION next_room_version();

-- What all backends must hear of, whoever changes it; told when the transaction is committed, and only then.
CREATE FUNCTION tell_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vtp_news', json_build_object('kind', TG_ARGV[0], 'id', OLD.id)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER rooms_news AFTER UPDATE OR DELETE ON rooms
    FOR EACH ROW EXECUTE FUNCTION tell_news('room-changed');
CREATE TRIGGER users_changed_news AFTER UPDATE ON users
    FOR EACH ROW WHEN (
        (OLD.email, OLD.full_name, OLD.role, OLD.active) IS DISTINCT FROM
        (NEW.email, NEW.full_name, NEW.role, NEW.active)
    ) EXECUTE FUNCTION tell_news('user-changed');
CREATE TRIGGER users_deleted_news AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION tell_news('user-changed');
CREATE TRIGGER sessions_news AFTER UPDATE ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION tell_news('session-ended');
