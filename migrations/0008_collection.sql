-- Tombstones that are gone. Every step can run again.

--; collected
-- Up to which sequence id tombstones of a table may be missing: a destination that stands below is compared with the source.
CREATE TABLE IF NOT EXISTS tributary.collected (
  tenancy_id uuid NOT NULL,
  table_name text NOT NULL,
  through bigint NOT NULL,
  collected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenancy_id, table_name)
);
