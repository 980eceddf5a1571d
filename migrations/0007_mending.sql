-- Destinations that are to be compared with the source and mended. Every step can run again.

--; mend
-- One for each (tenancy, destination, mapping) that somebody asked for, or that was found to need it; kept when it is done.
CREATE TABLE IF NOT EXISTS tributary.mend (
  tenancy_id uuid NOT NULL,
  destination_id text NOT NULL,
  mapping text NOT NULL,
  reason text NOT NULL,
  reads_everything boolean NOT NULL,        -- first the watermark goes back to the beginning, under a new generation
  begun boolean NOT NULL DEFAULT false,     -- that is done
  requested_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  differences bigint NOT NULL DEFAULT 0,    -- that were found and mended
  error text NOT NULL DEFAULT '',           -- why it could not be done the last time that it was tried
  PRIMARY KEY (tenancy_id, destination_id, mapping)
);

--; sequence jump
-- A destination that stands at `jumped_to` or below may have seen ids of a server that this one does not remember. `last_known` is what this one had given, for people: ids below it
-- may have been lost, too, as those of different shards are not committed in their order.
CREATE TABLE IF NOT EXISTS tributary.sequence_jump (
  jumped_to bigint PRIMARY KEY,
  last_known bigint NOT NULL,
  jumped_at timestamptz NOT NULL DEFAULT now()   -- later than whatever was asked to be mended before, by whichever server's clock
);

--; guard of the sequence
-- A server that was failed over or restored may have forgotten ids that destinations have seen. Whenever it is not the one last seen,
-- global_seq_id jumps, asking nobody: by 2^32 and to the clock at least, 2^12 ids for each millisecond since 2020. A copy from before an earlier jump knows nothing of that
-- one, and by a number of ids alone it would land among those that were given after it. Returns whether it jumped.
-- The timeline is that of the WAL being written: pg_control_checkpoint() still tells the old one for a while after a promotion.
CREATE OR REPLACE FUNCTION tributary.guard_sequence()
RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  known tributary.installation;
  identifier bigint := (SELECT s.system_identifier FROM pg_control_system() AS s);
  current_timeline text := left(pg_walfile_name(pg_current_wal_lsn()), 8);
  started_at timestamptz := pg_postmaster_start_time();
  last_given bigint;
  target bigint;
  jumped boolean := false;
BEGIN
  IF EXISTS (
    SELECT FROM tributary.installation AS i
    WHERE (i.system_identifier, i.timeline, i.postmaster_started_at) = (identifier, current_timeline, started_at)) THEN
    RETURN false;
  END IF;
  SELECT * INTO STRICT known FROM tributary.installation FOR NO KEY UPDATE;
  IF (known.system_identifier, known.timeline, known.postmaster_started_at) IS DISTINCT FROM (identifier, current_timeline, started_at) THEN
    IF known.system_identifier IS NOT NULL THEN
      last_given := (SELECT last_value FROM global_seq_id);
      target := greatest(last_given + 4294967296, (extract(epoch FROM clock_timestamp() - timestamptz '2020-01-01 00:00Z') * 1000)::bigint << 12);
      PERFORM setval('global_seq_id', target);
      INSERT INTO tributary.sequence_jump (jumped_to, last_known, jumped_at)
      VALUES (target, last_given, greatest(clock_timestamp(), (SELECT max(m.requested_at) + interval '1 microsecond' FROM tributary.mend AS m)));
      jumped := true;
    END IF;
    UPDATE tributary.installation
    SET system_identifier = identifier, timeline = current_timeline, postmaster_started_at = started_at;
  END IF;
  RETURN jumped;
END
$$;
