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

--; mend open index
CREATE INDEX IF NOT EXISTS mend_open_idx
  ON tributary.mend (requested_at)
  WHERE finished_at IS NULL;
