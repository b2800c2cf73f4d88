-- The secret is encrypted; key_id names the key. Not enabled: it was set up, and no code has come yet.
CREATE TABLE second_factors (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_secret bytea NOT NULL,
    key_id text NOT NULL,
    enabled boolean NOT NULL DEFAULT false,
    -- The last time step of which a code was accepted (RFC 6238): none serves twice.
    last_step bigint NOT NULL DEFAULT 0
);
CREATE INDEX second_factors_key_id_idx ON second_factors (key_id);

-- One row a code that was not used yet.
CREATE TABLE backup_codes (
    user_id uuid NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- For the list of one's sessions.
ALTER TABLE sessions ADD COLUMN last_used_at timestamptz;
UPDATE sessions SET last_used_at = started_at;
ALTER TABLE sessions ALTER COLUMN last_used_at SET NOT NULL;
ALTER TABLE sessions ADD COLUMN address text;
ALTER TABLE sessions ADD COLUMN user_agent text;
