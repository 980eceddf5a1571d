-- Triggers on "Project" and "Tenancy": a change of what is to be synced, and what must be remembered of a tenancy that goes.

--; enqueue later
-- These triggers run in the application's transactions, which must not hold a pending request: the sequencer would wait for it while it holds rows of
-- the tenancy. A marker of no row makes the sequencer enqueue the tenancy.
CREATE OR REPLACE FUNCTION tributary.enqueue_later(tenancy_ids uuid[])
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO tributary.marker ("tenancyId", "tableName", "primaryKey")
  SELECT id, '', '{}' FROM unnest(tenancy_ids) AS id;
  SELECT tributary.notify_change()
$$;

--; enqueue tenancies of a project
-- AFTER UPDATE of a project's config: its tenancies are due though none of their rows changed. Made anew by 0016, which a later migration does not undo on its way.
DO $guard$
BEGIN
  IF to_regprocedure('tributary.project_config_changed()') IS NULL THEN
    CREATE FUNCTION tributary.project_config_changed()
    RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
      PERFORM tributary.enqueue_later(ARRAY(
        SELECT t.id FROM public."Tenancy" AS t WHERE t."projectId" = NEW.id AND t."hasNoOrganization" = 'TRUE'));
      RETURN NULL;
    END
    $$;
  END IF;
END
$guard$;

--; remember tenancies of a project
-- BEFORE DELETE: when the cascade reaches the tenancies, their project cannot be seen any more.
CREATE OR REPLACE FUNCTION tributary.project_deleted()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO tributary.deleted_tenancy ("tenancyId", "projectId", "branchId", destinations)
  SELECT t.id, t."projectId", t."branchId", tributary.destinations_in(OLD."configOverride", t."branchId") || tributary.shared_destinations()
  FROM public."Tenancy" AS t
  WHERE t."projectId" = OLD.id AND t."hasNoOrganization" = 'TRUE'
  ON CONFLICT ("tenancyId") DO UPDATE
  SET "projectId" = EXCLUDED."projectId", "branchId" = EXCLUDED."branchId", destinations = EXCLUDED.destinations, "deletedAt" = now();
  RETURN OLD;
END
$$;

--; remember a tenancy
-- BEFORE DELETE, and BEFORE UPDATE that gives it another id. Enqueued, so that one that had no rows is finished with too.
CREATE OR REPLACE FUNCTION tributary.tenancy_deleted()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known_destinations jsonb := tributary.destinations(OLD."projectId", OLD."branchId");
BEGIN
  IF known_destinations IS NOT NULL THEN  -- otherwise project_deleted() has done it
    INSERT INTO tributary.deleted_tenancy ("tenancyId", "projectId", "branchId", destinations)
    VALUES (OLD.id, OLD."projectId", OLD."branchId", known_destinations || tributary.shared_destinations())
    ON CONFLICT ("tenancyId") DO UPDATE
    SET "projectId" = EXCLUDED."projectId", "branchId" = EXCLUDED."branchId", destinations = EXCLUDED.destinations, "deletedAt" = now();
  END IF;
  PERFORM tributary.enqueue_later(ARRAY[OLD.id]);
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;

--; remember truncated tenancies
CREATE OR REPLACE FUNCTION tributary.tenancies_truncated()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tributary.check_truncate(TG_RELID);
  INSERT INTO tributary.deleted_tenancy ("tenancyId", "projectId", "branchId", destinations)
  SELECT t.id, t."projectId", t."branchId", tributary.destinations_in(p."configOverride", t."branchId") || tributary.shared_destinations()
  FROM public."Tenancy" AS t
  JOIN public."Project" AS p ON p.id = t."projectId"
  WHERE t."hasNoOrganization" = 'TRUE'
  ON CONFLICT ("tenancyId") DO UPDATE
  SET "projectId" = EXCLUDED."projectId", "branchId" = EXCLUDED."branchId", destinations = EXCLUDED.destinations, "deletedAt" = now();
  PERFORM tributary.enqueue_later(ARRAY(SELECT t.id FROM public."Tenancy" AS t WHERE t."hasNoOrganization" = 'TRUE'));
  RETURN NULL;
END
$$;

--; enqueue a tenancy
-- AFTER UPDATE that moves it to other destinations or makes it one that is synced.
CREATE OR REPLACE FUNCTION tributary.tenancy_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tributary.enqueue_later(ARRAY[NEW.id]);
  RETURN NULL;
END
$$;

--; project config trigger
SELECT tributary.install_trigger('"Project"', 'tributary_config_changed',
  'AFTER UPDATE ON %s FOR EACH ROW
   WHEN (OLD."configOverride" IS DISTINCT FROM NEW."configOverride")
   EXECUTE FUNCTION tributary.project_config_changed()');

--; project delete trigger
SELECT tributary.install_trigger('"Project"', 'tributary_deleted',
  'BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION tributary.project_deleted()');

--; tenancy delete trigger
SELECT tributary.install_trigger('"Tenancy"', 'tributary_deleted',
  'BEFORE DELETE ON %s FOR EACH ROW
   WHEN (OLD."hasNoOrganization" = ''TRUE'')
   EXECUTE FUNCTION tributary.tenancy_deleted()');

--; tenancy id trigger
SELECT tributary.install_trigger('"Tenancy"', 'tributary_id_changed',
  'BEFORE UPDATE ON %s FOR EACH ROW
   WHEN (OLD.id IS DISTINCT FROM NEW.id AND OLD."hasNoOrganization" = ''TRUE'')
   EXECUTE FUNCTION tributary.tenancy_deleted()');

--; tenancy truncate trigger
SELECT tributary.install_trigger('"Tenancy"', 'tributary_truncated',
  'BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION tributary.tenancies_truncated()');

--; tenancy change trigger
SELECT tributary.install_trigger('"Tenancy"', 'tributary_changed',
  'AFTER UPDATE ON %s FOR EACH ROW
   WHEN (NEW."hasNoOrganization" = ''TRUE''
         AND (OLD."projectId", OLD."branchId", OLD."hasNoOrganization")
             IS DISTINCT FROM (NEW."projectId", NEW."branchId", NEW."hasNoOrganization"))
   EXECUTE FUNCTION tributary.tenancy_changed()');
