-- The engine's own way to copy a table of PostgreSQL's. :postgresql are the arguments of its table function, :project names the tenant.
INSERT INTO analytics_internal.users
  (project_id, branch_id, id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
   client_read_only_metadata, server_metadata, is_anonymous, restricted_by_admin, restricted_by_admin_reason,
   restricted_by_admin_private_details, sync_sequence_id, sync_is_deleted)
SELECT :project, 'main', id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
       client_read_only_metadata, server_metadata, is_anonymous, restricted_by_admin, restricted_by_admin_reason,
       restricted_by_admin_private_details, sync_sequence_id, 0
FROM postgresql(:postgresql)
