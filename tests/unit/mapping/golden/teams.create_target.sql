CREATE TABLE IF NOT EXISTS public."teams" (
  "id" uuid NOT NULL,
  "display_name" text NOT NULL,
  "profile_image_url" text,
  "created_at" timestamp without time zone NOT NULL,
  "client_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb,
  "client_read_only_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb,
  "server_metadata" jsonb NOT NULL DEFAULT '{}'::jsonb,
  PRIMARY KEY ("id")
);
REVOKE ALL ON TABLE public."teams" FROM PUBLIC;
GRANT SELECT ON TABLE public."teams" TO PUBLIC;
