-- Comparisons that cannot be done now let others go first, markers are left to who knows their table, trigger functions are nobody's to call.
-- Every step can run again.

--; mend retries
ALTER TABLE tributary.mend
  ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,   -- that failed in a row
  ADD COLUMN IF NOT EXISTS next_try_at timestamptz NOT NULL DEFAULT '-infinity';

--; mend due index
CREATE INDEX IF NOT EXISTS mend_due_idx
  ON tributary.mend (next_try_at, requested_at)
  WHERE finished_at IS NULL;

--; mend open index of version 7
DROP INDEX IF EXISTS tributary.mend_open_idx;

--; tables that markers name
-- As of the mappings that were migrated last: processes of another version leave those alone that they do not know.
ALTER TABLE tributary.installation ADD COLUMN IF NOT EXISTS marked_tables text[] NOT NULL DEFAULT '{}';

--; trigger functions are called by triggers alone
-- They run as their owner and believe what the row says: who may call one could put it on a table of his own. That a trigger fires needs no right to call it.
DO $$
DECLARE
  name regprocedure;
BEGIN
  FOR name IN
    SELECT p.oid
    FROM pg_proc AS p
    WHERE p.pronamespace = 'tributary'::regnamespace AND p.prorettype = 'trigger'::regtype AND p.prosecdef
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
  END LOOP;
END
$$;
