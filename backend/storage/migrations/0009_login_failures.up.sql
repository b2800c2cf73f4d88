-- Attempts to sign in that failed, or run just now, by the hash of what they count for. They count for a while only.
CREATE TABLE login_failures (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key bytea NOT NULL,
    at timestamptz NOT NULL,
    failed boolean NOT NULL DEFAULT false
);
CREATE INDEX login_failures_key_idx ON login_failures (key, at);
CREATE INDEX login_failures_at_idx ON login_failures (at);
