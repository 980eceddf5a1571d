#include "settings/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "settings/value.hpp"

namespace tributary::settings {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kKiB = 1'024;
constexpr std::int64_t kMiB = 1'024 * kKiB;

/// The place that a path of members leads to.
template <auto... Members>
constexpr auto kAt = +[](Settings& settings) -> auto& { return (settings.*....*Members); };

constexpr Definition kDefinitions[] = {
    {.name = "source.url",
     .target = kAt<&Settings::source, &Settings::Source::url>,
     .zero = "not set: commands that need the source refuse",
     .about =
         "Connection string of the application's Postgres: `postgresql://user@host:5432/database`, or libpq's `key=value` form.",
     .secret = true},
    {.name = "source.pool",
     .target = kAt<&Settings::source, &Settings::Source::pool>,
     .least = 2,
     .most = 100,
     .about = "Most connections to the source, for each event loop."},

    {.name = "sequencer.rows_per_batch",
     .target = kAt<&Settings::sequencer, &Settings::Sequencer::rows_per_batch>,
     .least = 1,
     .most = 100'000,
     .about = "Most rows of one table that get their sequence ids in one transaction."},
    {.name = "sequencer.rows_per_tenancy",
     .target = kAt<&Settings::sequencer, &Settings::Sequencer::rows_per_tenancy>,
     .least = 1,
     .most = 100'000,
     .about = "Of these, most rows of one tenancy while others wait. At most `sequencer.rows_per_batch`."},
    {.name = "sequencer.parallel_shards",
     .target = kAt<&Settings::sequencer, &Settings::Sequencer::parallel_shards>,
     .least = 1,
     .most = 64,
     .about = "Sequencing transactions at once in this process, each on a shard of the tenancies."},
    {.name = "sequencer.longest_pause",
     .target = kAt<&Settings::sequencer, &Settings::Sequencer::longest_pause>,
     .least = 2,
     .most = 60 * kSecond,
     .about = "Longest pause between two looks for flagged rows while nothing was announced."},
    {.name = "sequencer.passes_before_waiting",
     .target = kAt<&Settings::sequencer, &Settings::Sequencer::passes_before_waiting>,
     .least = 1,
     .most = 10'000,
     .about = "A row that was locked by somebody else at so many looks in a row is waited for."},
    {.name = "sequencer.lock_timeout",
     .target = kAt<&Settings::sequencer, &Settings::Sequencer::lock_timeout>,
     .least = 1,
     .most = 60 * kSecond,
     .about = "How long it is then waited for, each time."},

    {.name = "queue.lease",
     .target = kAt<&Settings::queue, &Settings::Queue::lease>,
     .least = kSecond,
     .most = kHour,
     .about = "A worker that was silent for so long has lost its claims, and the slow destinations that it was at, to the "
              "others. Renewed well before."},
    {.name = "queue.max_claims",
     .target = kAt<&Settings::queue, &Settings::Queue::max_claims>,
     .least = 1,
     .most = 10'000,
     .about = "Most tenancies that this process works on at once."},
    {.name = "queue.longest_pause",
     .target = kAt<&Settings::queue, &Settings::Queue::longest_pause>,
     .least = 10,
     .most = 60 * kSecond,
     .about = "Longest pause between two looks into the queue while nobody notifies."},
    {.name = "queue.revive_every",
     .target = kAt<&Settings::queue, &Settings::Queue::revive_every>,
     .least = 50,
     .most = kHour,
     .about = "How often claims of dead workers and due retries are looked for: at least three times in `queue.lease`, as leases "
              "are renewed then."},

    {.name = "sync.small_rows",
     .target = kAt<&Settings::sync, &Settings::Sync::small_rows>,
     .least = 1,
     .most = 10'000,
     .about = "Up to so many changes of a mapping go to a destination in one round trip; more are copied and merged."},
    {.name = "sync.load_rows",
     .target = kAt<&Settings::sync, &Settings::Sync::load_rows>,
     .least = 1,
     .most = 10'000'000,
     .about = "Most changes that are copied and merged in one transaction at the destination."},
    {.name = "sync.load_chunk",
     .target = kAt<&Settings::sync, &Settings::Sync::load_chunk>,
     .least = 4 * kKiB,
     .most = 64 * kMiB,
     .about = "What is read and passed on at once: what one copy under way holds in memory."},
    {.name = "sync.load_time",
     .target = kAt<&Settings::sync, &Settings::Sync::load_time>,
     .least = 10,
     .most = kHour,
     .about = "A copy takes no more rows after so long, and commits: the longest step that a stop has to wait for."},
    {.name = "sync.parallel_loads",
     .target = kAt<&Settings::sync, &Settings::Sync::parallel_loads>,
     .least = 1,
     .most = 100,
     .about = "Copies at once, for each event loop. Small batches never wait for these."},
    {.name = "sync.patience",
     .target = kAt<&Settings::sync, &Settings::Sync::patience>,
     .least = 0,
     .most = 60 * kSecond,
     .zero = "not at all",
     .about = "How long a tenancy's other destinations wait for a slow one, at most, before they leave it behind; less for one "
              "whose batches were quick."},
    {.name = "sync.source_timeout",
     .target = kAt<&Settings::sync, &Settings::Sync::source_timeout>,
     .least = 100,
     .most = kHour,
     .about = "Longest read of the source. Waiting for a connection to it does not count."},
    {.name = "sync.apply_timeout",
     .target = kAt<&Settings::sync, &Settings::Sync::apply_timeout>,
     .least = 100,
     .most = kHour,
     .about = "Longest batch at a destination, its merge included."},
    {.name = "sync.retry_first",
     .target = kAt<&Settings::sync, &Settings::Sync::retry_first>,
     .least = 10,
     .most = kHour,
     .about = "Pause after a destination's first failure. Each further one doubles it; a part of each pause is random."},
    {.name = "sync.retry_longest",
     .target = kAt<&Settings::sync, &Settings::Sync::retry_longest>,
     .least = 10,
     .most = kHour,
     .about = "Longest such pause. At least `sync.retry_first`."},
    {.name = "sync.most_refused_rows",
     .target = kAt<&Settings::sync, &Settings::Sync::most_refused_rows>,
     .least = 1,
     .most = 10'000,
     .about = "Rows of one batch that a destination may refuse and that are quarantined one by one. More of them park the "
              "mapping as a whole."},

    {.name = "destinations.connect_timeout",
     .target = kAt<&Settings::destinations, &Settings::Destinations::connect_timeout>,
     .least = 100,
     .most = 10 * 60 * kSecond,
     .about = "Name look-up, TCP, TLS and authentication together."},
    {.name = "destinations.pool",
     .target = kAt<&Settings::destinations, &Settings::Destinations::pool>,
     .least = 1,
     .most = 100,
     .about = "Most connections to one destination, for each event loop."},
    {.name = "destinations.idle_timeout",
     .target = kAt<&Settings::destinations, &Settings::Destinations::idle_timeout>,
     .least = 0,
     .most = 24 * kHour,
     .zero = "closed after each use",
     .about = "A destination's connection that was not used for so long is closed."},
    {.name = "destinations.allow_networks",
     .target = kAt<&Settings::destinations, &Settings::Destinations::allow_networks>,
     .zero = "the public internet only",
     .about = "Networks in which destinations may be besides the public internet: `[10.20.0.0/16, 127.0.0.0/8]`. Tenants name "
              "the hosts, so without this "
              "nobody gets Tributary to connect to a loopback, private, link-local or other special address. A host's addresses "
              "are looked up once, checked, "
              "and connected to."},
    {.name = "destinations.allow_fields",
     .target = kAt<&Settings::destinations, &Settings::Destinations::allow_fields>,
     .zero = "host, port, dbname, user, password, sslmode, channel_binding, connect_timeout, application_name, "
             "target_session_attrs only",
     .about = "What else a destination's connection string may have: `hostaddr`, `hosts` (several), `socket` (a path for a "
              "host), `options`, `passfile`, "
              "`sslcert`, `sslkey`, `sslrootcert`. With the last four tenants name files of this machine."},
    {.name = "destinations.most_per_project",
     .target = kAt<&Settings::destinations, &Settings::Destinations::most_per_project>,
     .least = 1,
     .most = 10'000,
     .about = "Most destinations that a project's configuration may name: one more is refused. Of those that somebody writes "
              "straight into the "
              "source, each branch's first so many are synced, and the others say why they are not."},
    {.name = "destinations.ca_file",
     .target = kAt<&Settings::destinations, &Settings::Destinations::ca_file>,
     .zero = "`sslmode=verify-ca` and `verify-full` fail",
     .about = "Certificates that `sslmode=verify-ca` and `verify-full` of a destination trust."},

    {.name = "tombstones.collect_every",
     .target = kAt<&Settings::tombstones, &Settings::Tombstones::collect_every>,
     .least = 0,
     .most = 24 * kHour,
     .zero = "never",
     .about = "How often tombstones (`\"DeletedRow\"`) that every destination has applied are removed."},
    {.name = "tombstones.keep",
     .target = kAt<&Settings::tombstones, &Settings::Tombstones::keep>,
     .least = 0,
     .most = 10 * 366 * 24 * kHour,
     .zero = "removed once they are applied everywhere",
     .about = "Younger tombstones stay. A destination that is restored from a backup of within this time needs no comparison."},
    {.name = "tombstones.longest_wait",
     .target = kAt<&Settings::tombstones, &Settings::Tombstones::longest_wait>,
     .least = 0,
     .most = 10 * 366 * 24 * kHour,
     .zero = "whatever fails is not waited for",
     .about = "A destination that has failed, or was paused, for longer holds no tombstones back. When it returns it is compared "
              "with the "
              "source as a whole."},

    {.name = "clickhouse.use",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::use>,
     .about = "`automatic`: every tenancy's rows also go to the ClickHouse of `clickhouse.url`, or where none is named to the "
              "embedded engine, which "
              "`serve` starts. `none`: there is no ClickHouse. The same for all processes of an installation: the one that "
              "started last is right."},
    {.name = "clickhouse.url",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::url>,
     .zero = "the embedded engine",
     .about =
         "HTTP interface of the shared ClickHouse: `https://user:password@host:8443`. Ports 8123 and 8443 where none is named.",
     .secret = true},
    {.name = "clickhouse.user",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::user>,
     .zero = "the URL's",
     .about = "User that makes and writes the tables."},
    {.name = "clickhouse.password",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::password>,
     .zero = "the URL's",
     .about = "Password of that user.",
     .secret = true},
    {.name = "clickhouse.limited_user_password",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::limited_user_password>,
     .zero = "nobody asks a server",
     .about = "Password of `limited_user`, as whom tenants' queries run on the server of `clickhouse.url`.",
     .secret = true},
    {.name = "clickhouse.cluster",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::cluster>,
     .zero = "a single server",
     .about = "Cluster on all of whose replicas tables are made, replicated."},
    {.name = "clickhouse.definer",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::definer>,
     .zero = "whoever makes them",
     .about = "User with whose rights the tenants' views read. Needs SELECT on `analytics_internal.*`."},
    {.name = "clickhouse.folder",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::folder>,
     .zero = "`/var/lib/tributary/clickhouse` for root, else `tributary/clickhouse` in `$XDG_DATA_HOME` or `~/.local/share`",
     .about = "Where the embedded engine keeps its data. One process of a machine runs it."},
    {.name = "clickhouse.memory",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::memory>,
     .least = 256 * kMiB,
     .most = 1'024 * 1'024 * kMiB,
     .about = "Most memory of the embedded engine; a statement that needs more fails."},
    {.name = "clickhouse.flush_age",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::flush_age>,
     .least = 0,
     .most = 60 * kSecond,
     .about = "Rows for ClickHouse wait so long for others to go with; longer while those before them are under way."},
    {.name = "clickhouse.flush_pause",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::flush_pause>,
     .least = 0,
     .most = 60 * kSecond,
     .about =
         "After rows have gone to ClickHouse the next ones wait so long, unless they fill `flush_size`: steady traffic makes "
         "few parts. While more than 64 tenancies' changes are on their way, three times as long."},
    {.name = "clickhouse.flush_size",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::flush_size>,
     .least = 64 * kKiB,
     .most = 1'024 * kMiB,
     .about = "Rows for ClickHouse go as soon as they are so large."},
    {.name = "clickhouse.clean_up_every",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::clean_up_every>,
     .least = 0,
     .most = 8'760 * kHour,
     .zero = "never",
     .about = "How often deleted rows and superseded versions are taken off ClickHouse's disk. Every table is merged for it."},
    {.name = "clickhouse.keep_deleted",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::keep_deleted>,
     .least = 2 * kHour,
     .most = 8'760 * kHour,
     .about =
         "How long a deleted row stays there, unseen: longer than any worker may hold a row that it read before it was deleted."},
    {.name = "clickhouse.hash_key",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::hash_key>,
     .zero = "a mapping with such a column is not written",
     .about =
         "Secret of the columns that a mapping hashes for ClickHouse, such as the output of `openssl rand -hex 32`. With another "
         "one equal values are equal no longer: rows that are there keep what they have until they change.",
     .secret = true},
    {.name = "clickhouse.load_rows",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::load_rows>,
     .least = 1,
     .most = 100'000'000,
     .about = "Instead of `sync.load_rows`: most changes of a copy to ClickHouse, which needs no transaction that ends soon."},
    {.name = "clickhouse.load_size",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::load_size>,
     .least = kMiB,
     .most = 1'024 * kMiB,
     .about = "ClickHouse collects so much of a load before it writes a part. A load takes a few times as much of its memory."},
    {.name = "clickhouse.max_claims",
     .target = kAt<&Settings::clickhouse, &Settings::ClickHouse::max_claims>,
     .least = 1,
     .most = 100'000,
     .about = "Most tenancies that this process brings to ClickHouse at once: as many may share an insert."},

    {.name = "secrets.key",
     .target = kAt<&Settings::secrets, &Settings::Secrets::key>,
     .zero = "connection strings are kept as they are",
     .about = "Key that encrypts the passwords of destinations in the source: 64 hexadecimal digits, made by `tributary secrets "
              "generate`. Several, separated by commas: the first one encrypts, each opens. The same for all processes.",
     .secret = true},
    {.name = "secrets.key_file",
     .target = kAt<&Settings::secrets, &Settings::Secrets::key_file>,
     .zero = "`secrets.key` only",
     .about = "File with such keys, one a line, behind those of `secrets.key`."},

    {.name = "http.listen",
     .target = kAt<&Settings::http, &Settings::Http::listen>,
     .zero = "nothing listens",
     .about =
         "Address and port of the REST API, its documentation (`/docs`), `/metrics`, `/livez` and `/readyz`: `127.0.0.1:8080`, "
         "`[::]:8080`. Port 0 is any that is free, which the log then names. There is no TLS: put what does it in front."},
    {.name = "http.max_connections",
     .target = kAt<&Settings::http, &Settings::Http::max_connections>,
     .least = 1,
     .most = 1'000'000,
     .about = "Most connections, for each event loop. Where there are so many, a new one takes the place of the one that has "
              "been idle for longest."},
    {.name = "http.max_requests",
     .target = kAt<&Settings::http, &Settings::Http::max_requests>,
     .least = 1,
     .most = 1'000'000,
     .about = "Most requests that are worked on at once, for each event loop. One more gets 503 with `Retry-After` at once, so "
              "that the others "
              "do not all become slow."},
    {.name = "http.queue_timeout",
     .target = kAt<&Settings::http, &Settings::Http::queue_timeout>,
     .least = 10,
     .most = kHour,
     .about = "A request that has waited so long for a connection to the source gets 503 with `Retry-After`."},
    {.name = "http.max_queries",
     .target = kAt<&Settings::http, &Settings::Http::max_queries>,
     .least = 1,
     .most = 10'000,
     .about = "Most analytics queries at once, for each event loop; one more gets 503 with `Retry-After`."},
    {.name = "http.max_queries_of_project",
     .target = kAt<&Settings::http, &Settings::Http::max_queries_of_project>,
     .least = 1,
     .most = 10'000,
     .about = "Most analytics queries of one project at once, for each event loop; one more gets 429 with `Retry-After`."},
    {.name = "http.max_header",
     .target = kAt<&Settings::http, &Settings::Http::max_header>,
     .least = kKiB,
     .most = kMiB,
     .about = "Most of a request's line and header fields together."},
    {.name = "http.max_body",
     .target = kAt<&Settings::http, &Settings::Http::max_body>,
     .least = kKiB,
     .most = 1'024 * kMiB,
     .about = "Most of a request's body."},
    {.name = "http.read_timeout",
     .target = kAt<&Settings::http, &Settings::Http::read_timeout>,
     .least = 10,
     .most = kHour,
     .about = "A request that is not complete so long after its first byte ends its connection."},
    {.name = "http.idle_timeout",
     .target = kAt<&Settings::http, &Settings::Http::idle_timeout>,
     .least = 10,
     .most = 24 * kHour,
     .about = "A connection without a request is closed after this. Longer than that of a proxy in front."},
    {.name = "http.handler_timeout",
     .target = kAt<&Settings::http, &Settings::Http::handler_timeout>,
     .least = 10,
     .most = kHour,
     .about = "Longest time from a request's last byte to its answer, except where an endpoint lets its caller choose."},
    {.name = "http.write_timeout",
     .target = kAt<&Settings::http, &Settings::Http::write_timeout>,
     .least = 10,
     .most = kHour,
     .about = "A client that has not taken its answer, or a piece of a stream, after so long is cut off."},
    {.name = "http.allowed_origin",
     .target = kAt<&Settings::http, &Settings::Http::allowed_origin>,
     .zero = "none but our own",
     .about = "Pages of which origin may call from a browser (CORS): `https://app.example.com`, or `*` for all."},
    {.name = "http.access_log",
     .target = kAt<&Settings::http, &Settings::Http::access_log>,
     .about = "Requests that get a line in the log: `all`, or `errors` for those that failed here (5xx)."},
    {.name = "http.operator_key",
     .target = kAt<&Settings::http, &Settings::Http::operator_key>,
     .least = 24,
     .most = 1'000,
     .zero = "administrators of the project `internal` only",
     .about =
         "Bearer token that creates projects (`POST internal/projects`), and an operator's key to the dashboard (`/dashboard`). "
         "Make a random one: `tributary secrets generate`.",
     .secret = true},
    {.name = "http.cron_secret",
     .target = kAt<&Settings::http, &Settings::Http::cron_secret>,
     .least = 16,
     .most = 1'000,
     .zero = "administrators of the project `internal` only",
     .about = "Bearer token that drives the synchronisation from outside (`internal/external-db-sync/...`).",
     .secret = true},
    {.name = "http.dashboard_session",
     .target = kAt<&Settings::http, &Settings::Http::dashboard_session>,
     .most = 7 * 24 * kHour,
     .zero = "there is no dashboard",
     .about = "For how long somebody who signed in to the dashboard stays signed in."},

    {.name = "mappings.folder",
     .target = kAt<&Settings::mappings, &Settings::Mappings::folder>,
     .zero = "the built-in mappings only",
     .about = "Folder of mapping files (`*.yaml`). One of a built-in mapping's name replaces it, others are added."},
    {.name = "telemetry.otlp_endpoint",
     .target = kAt<&Settings::telemetry, &Settings::Telemetry::otlp_endpoint>,
     .zero = "nothing is traced",
     .about = "Collector that takes traces over OTLP/HTTP: `http://127.0.0.1:4318`, to which `/v1/traces` is added. One that is "
              "slow or away delays nothing.",
     .standard_variable = "OTEL_EXPORTER_OTLP_ENDPOINT"},
    {.name = "telemetry.otlp_headers",
     .target = kAt<&Settings::telemetry, &Settings::Telemetry::otlp_headers>,
     .zero = "none",
     .about = "Header fields of each request to it: `[x-api-key=…]`. What is special in a URL is written as there: `%20`.",
     .secret = true,
     .standard_variable = "OTEL_EXPORTER_OTLP_HEADERS"},
    {.name = "telemetry.service_name",
     .target = kAt<&Settings::telemetry, &Settings::Telemetry::service_name>,
     .about = "What traces call this service.",
     .standard_variable = "OTEL_SERVICE_NAME"},
    {.name = "telemetry.trace_sample_ratio",
     .target = kAt<&Settings::telemetry, &Settings::Telemetry::trace_sample_ratio>,
     .least = 0,
     .most = 1,
     .zero = "none",
     .about = "Of the traces that begin in this process, so many are recorded. The others are part of a trace, or not, as the "
              "process where it began has decided."},

    {.name = "log.level",
     .target = kAt<&Settings::log, &telemetry::LogSettings::level>,
     .about = "Least important lines that are written."},
    {.name = "log.format",
     .target = kAt<&Settings::log, &telemetry::LogSettings::format>,
     .about = "`automatic` is `human` where standard error is a terminal, else `json`."},
    {.name = "threads",
     .target = kAt<&Settings::threads>,
     .least = 0,
     .most = 256,
     .zero = "one for each core",
     .about = "Event loops of `serve` and `sync`, each with a thread and pools of its own."},
};

template <class Enum>
struct Choice {
  std::string_view name;
  Enum value;
};
constexpr std::array kLevels{Choice{"debug", telemetry::Level::debug}, Choice{"info", telemetry::Level::info},
                             Choice{"warning", telemetry::Level::warning}, Choice{"error", telemetry::Level::error}};
constexpr std::array kFormats{Choice{"automatic", telemetry::LogFormat::automatic}, Choice{"human", telemetry::LogFormat::human},
                              Choice{"json", telemetry::LogFormat::json}};

constexpr std::array kUses{Choice{"automatic", ClickHouseUse::automatic}, Choice{"none", ClickHouseUse::none}};

constexpr std::array kAccessLogs{Choice{"all", AccessLog::all}, Choice{"errors", AccessLog::errors}};

const auto& choices_of(AccessLog) { return kAccessLogs; }
const auto& choices_of(ClickHouseUse) { return kUses; }
const auto& choices_of(telemetry::Level) { return kLevels; }
const auto& choices_of(telemetry::LogFormat) { return kFormats; }

template <class Enum>
concept Chosen = std::is_enum_v<Enum>;

// ---- one overload set per type: its name, how it is written, how it is read ------------------------------------------------------------

std::string name_of(const std::string&) { return "text"; }
std::string name_of(std::int64_t) { return "whole number"; }
std::string name_of(double) { return "number"; }
std::string name_of(milliseconds) { return "duration"; }
std::string name_of(Bytes) { return "size"; }
std::string name_of(Chosen auto value) {
  std::string names;
  for (const auto& choice : choices_of(value)) names += (names.empty() ? "one of " : ", ") + std::string(choice.name);
  return names;
}

std::string name_of(const std::vector<std::string>&) { return "list of texts"; }

std::string text_of(const std::string& value) { return value.empty() ? "\"\"" : value; }
std::string text_of(const std::vector<std::string>& value) {
  std::string text;
  for (const auto& item : value) text += (text.empty() ? "" : ", ") + item;
  return text_of(text);
}
std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(milliseconds value) { return format_duration(value); }
std::string text_of(Bytes value) { return format_bytes(value); }
std::string text_of(Chosen auto value) {
  const auto& choices = choices_of(value);
  return std::string(std::ranges::find(choices, value, [](const auto& choice) { return choice.value; })->name);
}

bool read(std::string_view text, std::string& value) {
  value = text;
  return true;
}
bool read(std::string_view text, std::vector<std::string>& value) {
  constexpr std::string_view kBlank = " \t";
  value.clear();
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto begin = std::min(text.find_first_not_of(kBlank), comma);
    const auto end = text.find_last_not_of(kBlank, comma == 0 ? 0 : comma - 1);
    if (begin == comma) return false;
    value.emplace_back(text.substr(begin, end + 1 - begin));
    if (comma + 1 == text.size()) return false;  // nothing behind the last comma
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}
template <class T>
bool keep(std::optional<T> parsed, T& value) {
  if (parsed) value = *parsed;
  return parsed.has_value();
}
bool read(std::string_view text, std::int64_t& value) { return keep(parse_integer(text), value); }
bool read(std::string_view text, double& value) { return keep(parse_number(text), value); }
bool read(std::string_view text, milliseconds& value) { return keep(parse_duration(text), value); }
bool read(std::string_view text, Bytes& value) { return keep(parse_bytes(text), value); }
bool read(std::string_view text, Chosen auto& value) {
  const auto& choices = choices_of(value);
  const auto choice = std::ranges::find(choices, text, [](const auto& c) { return c.name; });
  if (choice == choices.end()) return false;
  value = choice->value;
  return true;
}

std::int64_t number_of(std::int64_t value) { return value; }
double number_of(double value) { return value; }
std::int64_t number_of(milliseconds value) { return value.count(); }
std::int64_t number_of(Bytes value) { return value.count; }
std::int64_t number_of(const std::string& value) { return static_cast<std::int64_t>(value.size()); }
std::int64_t number_of(const auto&) { return 0; }

void set_number(std::int64_t number, std::int64_t& value) { value = number; }
void set_number(std::int64_t number, double& value) { value = static_cast<double>(number); }
void set_number(std::int64_t number, milliseconds& value) { value = milliseconds(number); }
void set_number(std::int64_t number, Bytes& value) { value = Bytes{number}; }
void set_number(std::int64_t, auto&) {}

std::string_view example_of(const Definition& definition) {
  if (std::holds_alternative<milliseconds& (*)(Settings&)>(definition.target)) return " such as 250ms, 10s or 5min";
  if (std::holds_alternative<Bytes& (*)(Settings&)>(definition.target)) return " such as 256KiB or 8MiB";
  return "";
}

bool has_range(const Definition& definition) { return definition.least != 0 || definition.most != 0; }
bool is_text(const Definition& definition) { return std::holds_alternative<std::string& (*)(Settings&)>(definition.target); }

}  // namespace

std::span<const Definition> definitions() { return kDefinitions; }

const Definition* find_definition(std::string_view name) {
  const auto found = std::ranges::find(kDefinitions, name, &Definition::name);
  return found == std::end(kDefinitions) ? nullptr : &*found;
}

bool is_list(const Definition& definition) {
  return std::holds_alternative<std::vector<std::string>& (*)(Settings&)>(definition.target);
}

std::string type_name(const Definition& definition) {
  Settings defaults;
  return std::visit([&](auto target) { return name_of(target(defaults)); }, definition.target);
}

std::string default_text(const Definition& definition) {
  Settings defaults;
  return std::visit([&](auto target) { return text_of(target(defaults)); }, definition.target);
}

std::string range_text(const Definition& definition) {
  if (!has_range(definition)) return "";
  if (is_text(definition)) return fmt::format("{} to {} characters", definition.least, definition.most);
  Settings scratch;
  return std::visit(
      [&](auto target) {
        auto& value = target(scratch);
        set_number(definition.least, value);
        const auto least = text_of(value);
        set_number(definition.most, value);
        return least + " to " + text_of(value);
      },
      definition.target);
}

std::string environment_name(const Definition& definition) {
  std::string name = "TRIBUTARY_";
  for (const unsigned char c : definition.name) name += c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

std::string assign(const Definition& definition, std::string_view text, Settings& settings) {
  const auto given = definition.secret ? std::string() : ", not \"" + std::string(text) + '"';
  return std::visit(
      [&](auto target) -> std::string {
        auto value = target(settings);
        if (!read(text, value)) {
          const auto type = type_name(definition);
          return "must be " + (type.starts_with("one of") ? type : "a " + type) + std::string(example_of(definition)) + given;
        }
        const auto number = number_of(value);
        const auto least = static_cast<decltype(number)>(definition.least);
        const auto most = static_cast<decltype(number)>(definition.most);
        const bool is_left_out = text.empty();  // which is legal for texts only
        if (has_range(definition) && !is_left_out && (number < least || number > most)) {
          return "must be " + range_text(definition) + given;
        }
        target(settings) = std::move(value);
        return "";
      },
      definition.target);
}

}  // namespace tributary::settings
