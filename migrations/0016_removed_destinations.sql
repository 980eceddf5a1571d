-- What is remembered of a destination goes when its project's configuration names it no more, whoever changes that. Every step can run again.

--; enqueue tenancies of a project, try what was changed at once, and forget what was removed
-- AFTER UPDATE of a project's config: its tenancies are due though none of their rows changed. What a destination failed with is no reason to wait when it is
-- another one now, and nothing to remember when it is gone.
CREATE OR REPLACE FUNCTION tributary.project_config_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before jsonb := CASE jsonb_typeof(OLD."configOverride" -> 'dbSync.externalDatabases')
                    WHEN 'object' THEN OLD."configOverride" -> 'dbSync.externalDatabases'
                    ELSE '{}'
                  END;
  now_has jsonb := CASE jsonb_typeof(NEW."configOverride" -> 'dbSync.externalDatabases')
                     WHEN 'object' THEN NEW."configOverride" -> 'dbSync.externalDatabases'
                     ELSE '{}'
                   END;
  tenancies uuid[] := ARRAY(SELECT t.id FROM public."Tenancy" AS t WHERE t."projectId" = NEW.id AND t."hasNoOrganization" = 'TRUE');
  changed text[] := ARRAY(SELECT d.key FROM jsonb_each(now_has) AS d WHERE d.value IS DISTINCT FROM before -> d.key);
  removed text[] := ARRAY(SELECT key FROM jsonb_object_keys(before) AS d (key) WHERE NOT now_has ? key);
BEGIN
  UPDATE tributary.destination_state
  SET attempts = 0, next_try_at = clock_timestamp()
  WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (changed) AND NOT paused;
  UPDATE tributary.quarantine
  SET next_try_at = clock_timestamp()
  WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (changed);
  UPDATE tributary.mend
  SET attempts = 0, next_try_at = clock_timestamp()
  WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (changed) AND finished_at IS NULL;
  -- What was found out of a database says nothing of another one under its name.
  DELETE FROM tributary.mend
  WHERE tenancy_id = ANY (tenancies)
    AND (destination_id = ANY (removed) OR (destination_id = ANY (changed) AND finished_at IS NOT NULL));
  DELETE FROM tributary.destination_state WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (removed);
  DELETE FROM tributary.quarantine WHERE tenancy_id = ANY (tenancies) AND destination_id = ANY (removed);
  PERFORM tributary.enqueue_later(tenancies);
  RETURN NULL;
END
$$;
