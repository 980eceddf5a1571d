-- How far comparisons of destinations with the source have come. Every step can run again.

--; verification
-- The last comparison of each mapping of a destination. `next_key`: where it goes on, column by column; NULL: it was done to its end.
CREATE TABLE IF NOT EXISTS tributary.verification (
  tenancy_id uuid NOT NULL,
  destination_id text NOT NULL,
  mapping text NOT NULL,
  next_key text[],
  rows bigint NOT NULL,
  differences bigint NOT NULL,
  undecided bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenancy_id, destination_id, mapping)
);
