-- Rows in the shared ClickHouse stand under their tenancy's project and branch. Where a tenancy is moved to others, those that it left behind must go.
-- Every step can run again.

--; left place
-- Where rows of a tenancy may still stand. It may be moved again before anybody has looked, so there can be several.
CREATE TABLE IF NOT EXISTS tributary.left_place (
  tenancy_id uuid NOT NULL,
  project_id text NOT NULL,
  branch_id text NOT NULL,
  seen_at timestamptz,   -- whoever claims the tenancy from then on writes to its new place
  PRIMARY KEY (tenancy_id, project_id, branch_id)
);

--; remember a left place
CREATE OR REPLACE FUNCTION tributary.tenancy_moved()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO tributary.left_place (tenancy_id, project_id, branch_id)
  VALUES (OLD.id, OLD."projectId", OLD."branchId")
  ON CONFLICT (tenancy_id, project_id, branch_id) DO UPDATE
  SET seen_at = NULL;
  RETURN NULL;
END
$$;

--; left place trigger
-- Also where it is no longer one that is synced. One that gets another id at the same time leaves its old place by its tombstones: tributary.tenancy_deleted().
SELECT tributary.install_trigger('"Tenancy"', 'tributary_moved',
  'AFTER UPDATE ON %s FOR EACH ROW
   WHEN (OLD.id = NEW.id AND OLD."hasNoOrganization" = ''TRUE''
         AND (OLD."projectId", OLD."branchId", OLD."hasNoOrganization")
             IS DISTINCT FROM (NEW."projectId", NEW."branchId", NEW."hasNoOrganization"))
   EXECUTE FUNCTION tributary.tenancy_moved()');
