CREATE TABLE IF NOT EXISTS public."users" (
  "id" uuid NOT NULL,
  "display_name" text,
  "profile_image_url" text,
  "primary_email" text,
  "primary_email_verified" boolean NOT NULL,
  "signed_up_at" timestamp without time zone NOT NULL,
  "client_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb,
  "client_read_only_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb,
  "server_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb,
  "is_anonymous" boolean NOT NULL,
  PRIMARY KEY ("id")
);
REVOKE ALL ON TABLE public."users" FROM PUBLIC;
GRANT SELECT ON TABLE public."users" TO PUBLIC;
