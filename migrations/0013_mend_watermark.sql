-- Where a destination stood when it was found to need a comparison. Every step can run again.

--; mend watermark
-- A worker of before a fail-over may still apply what it has read while its destination is compared, or afterwards: it stands elsewhere then, and is compared once more.
ALTER TABLE tributary.mend ADD COLUMN IF NOT EXISTS watermark bigint;
