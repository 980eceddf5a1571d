-- Who is signed in to the dashboard, for every process that serves it. Every step can run again.

--; dashboard session
-- A session is alive while its row is here. Of what the browser keeps, 256 random bits, only the SHA-256 is.
CREATE TABLE IF NOT EXISTS tributary.dashboard_session (
  id bytea PRIMARY KEY CHECK (length(id) = 32),
  project_id text,                   -- whose administrator's; NULL: by the operator's key
  key_hash bytea NOT NULL CHECK (length(key_hash) = 32),  -- of the key, which has to be valid still
  begun_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz NOT NULL
);

--; dashboard session index
CREATE INDEX IF NOT EXISTS dashboard_session_key_idx
  ON tributary.dashboard_session (key_hash, begun_at);
