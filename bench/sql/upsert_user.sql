-- One row as the reference product writes it: a statement that is parsed and planned anew, and committed, for each row; it deletes or upserts the row, and moves
-- the watermark with it.
WITH change AS (
  SELECT $1::uuid AS id,
         $2::text AS display_name,
         $3::text AS profile_image_url,
         $4::text AS primary_email,
         $5::boolean AS primary_email_verified,
         $6::timestamp AS signed_up_at,
         $7::jsonb AS client_metadata,
         $8::jsonb AS client_read_only_metadata,
         $9::jsonb AS server_metadata,
         $10::boolean AS is_anonymous,
         $11::bigint AS sequence_id,
         $12::boolean AS is_deleted
), deleted AS (
  DELETE FROM users
  USING change
  WHERE change.is_deleted AND users.id = change.id
), upserted AS (
  INSERT INTO users (id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
                     client_read_only_metadata, server_metadata, is_anonymous)
  SELECT id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
         client_read_only_metadata, server_metadata, is_anonymous
  FROM change
  WHERE NOT is_deleted
  ON CONFLICT (id) DO UPDATE
  SET display_name = EXCLUDED.display_name,
      profile_image_url = EXCLUDED.profile_image_url,
      primary_email = EXCLUDED.primary_email,
      primary_email_verified = EXCLUDED.primary_email_verified,
      signed_up_at = EXCLUDED.signed_up_at,
      client_metadata = EXCLUDED.client_metadata,
      client_read_only_metadata = EXCLUDED.client_read_only_metadata,
      server_metadata = EXCLUDED.server_metadata,
      is_anonymous = EXCLUDED.is_anonymous
)
INSERT INTO _stack_sync_metadata (mapping_name, last_synced_sequence_id, updated_at)
SELECT 'users', sequence_id, now()
FROM change
ON CONFLICT (mapping_name) DO UPDATE
SET last_synced_sequence_id = greatest(_stack_sync_metadata.last_synced_sequence_id, EXCLUDED.last_synced_sequence_id),
    updated_at = now()
