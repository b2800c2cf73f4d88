-- At which SFU a room's media are, and which run of it: there is a row while the room is open at some backend.
-- Whoever has the claim removes it; a row that nobody has kept for long belongs to a backend that is gone.
CREATE TABLE room_placements (
    room_id text PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    sfu_url text NOT NULL,
    epoch text NOT NULL,
    claim_id uuid NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX room_placements_kept_at ON room_placements (kept_at);
