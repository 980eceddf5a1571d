-- Destinations that were added to a configuration and that nobody has reached yet. Every step can run again.

--; added destination
-- What was remembered of one that had the same database before is gone: refused rows, comparisons to be done. Unless it is empty, it is compared when it is first reached.
CREATE TABLE IF NOT EXISTS tributary.added_destination (
  tenancy_id uuid NOT NULL,
  destination_id text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenancy_id, destination_id)
);

--; note added destinations
-- AFTER UPDATE of a project's config, whoever changes it.
CREATE OR REPLACE FUNCTION tributary.destinations_added()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before jsonb := OLD."configOverride" -> 'dbSync.externalDatabases';
  now_has jsonb := NEW."configOverride" -> 'dbSync.externalDatabases';
BEGIN
  IF jsonb_typeof(now_has) = 'object' THEN
    INSERT INTO tributary.added_destination (tenancy_id, destination_id)
    SELECT t.id, added.id
    FROM public."Tenancy" AS t
    CROSS JOIN jsonb_object_keys(now_has) AS added (id)
    WHERE t."projectId" = NEW.id AND t."hasNoOrganization" = 'TRUE'
      AND (jsonb_typeof(before) = 'object' AND before ? added.id) IS NOT TRUE
    ON CONFLICT (tenancy_id, destination_id) DO UPDATE
    SET added_at = EXCLUDED.added_at;
  END IF;
  RETURN NULL;
END
$$;

--; destinations added is called by its trigger alone
REVOKE ALL ON FUNCTION tributary.destinations_added() FROM PUBLIC;

--; added destinations trigger
SELECT tributary.install_trigger('"Project"', 'tributary_destinations_added',
  'AFTER UPDATE ON %s FOR EACH ROW
   WHEN (OLD."configOverride" IS DISTINCT FROM NEW."configOverride")
   EXECUTE FUNCTION tributary.destinations_added()');
