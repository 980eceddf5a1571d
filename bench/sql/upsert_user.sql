-- One row, in a statement and a transaction of its own; (:values) is replaced by literals.
INSERT INTO users (id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
                   client_read_only_metadata, server_metadata, is_anonymous)
VALUES (:values)
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
