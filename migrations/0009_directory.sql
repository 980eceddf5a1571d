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

--; enqueue tenancies of a project, and try what was changed at once
-- AFTER UPDATE of a project's config: its tenancies are due though none of their rows changed. What a destination failed with is no reason to wait when it is
-- another one now.
CREATE OR REPLACE FUNCTION tributary.project_config_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
  tenancies uuid[] := ARRAY(SELECT t.id FROM "Tenancy" AS t WHERE t."projectId" = NEW.id AND t."hasNoOrganization" = 'TRUE');
  changed text[] := ARRAY(
    SELECT d.key
    FROM jsonb_each(CASE jsonb_typeof(NEW."configOverride" -> 'dbSync.externalDatabases')
                      WHEN 'object' THEN NEW."configOverride" -> 'dbSync.externalDatabases'
                      ELSE '{}'
                    END) AS d
    WHERE d.value IS DISTINCT FROM OLD."configOverride" -> 'dbSync.externalDatabases' -> d.key);
BEGIN
  UPDATE tributary.destination_state
  SET attempts = 0, next_try_at = clock_timestamp()
  WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (changed) AND NOT paused;
  UPDATE tributary.quarantine
  SET next_try_at = clock_timestamp()
  WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (changed);
  PERFORM tributary.enqueue_later(tenancies);
  RETURN NULL;
END
$$;
