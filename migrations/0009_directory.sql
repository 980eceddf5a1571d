-- What the REST API needs: an index for its lists, the projects' keys, and destinations that are tried at once when they are changed. Every step can
-- run again.

--; users in the order in which they signed up index concurrently
-- Partial, though its condition always holds: only a statement that says it can use this index. The sequencer's cached plans, made while the table was small,
-- would take it for as good as the one of flagged rows.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "ProjectUser_tributary_signed_up_at"
  ON "ProjectUser" ("tenancyId", "signedUpAt", "projectUserId")
  WHERE "signedUpAt" IS NOT NULL;

--; project key
-- Of a key only its hash is kept: SHA-256, as keys are 256 random bits.
CREATE TABLE IF NOT EXISTS tributary.project_key (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id text NOT NULL REFERENCES "Project" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('server', 'admin')),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  hint text NOT NULL,                -- its last characters, by which people know it
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz             -- NULL: never. In the past: revoked
);

--; project key index
CREATE INDEX IF NOT EXISTS project_key_project_idx
  ON tributary.project_key (project_id, kind);
