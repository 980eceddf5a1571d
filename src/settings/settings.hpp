#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "telemetry/log.hpp"

namespace tributary::settings {

/// A number of bytes.
struct Bytes {
  std::int64_t count = 0;
  friend bool operator==(Bytes, Bytes) = default;
};

/// Which ClickHouse every tenancy's rows also go to.
enum class ClickHouseUse {
  automatic,  ///< the server of clickhouse.url, or without one the embedded engine
  none,
};

/// Which HTTP requests get a line in the log.
enum class AccessLog {
  all,
  errors,  ///< those that failed here: 5xx
};

/// What comes from outside, with its defaults. Range, unit and the meaning of zero of each stand in definitions() (definition.hpp), from which
/// docs/configuration.md is made. Plain values: each module has Params of its own, which the command line fills from these.
struct Settings {
  struct Source {
    std::string url;
    std::map<std::string, std::string>
        environment;  ///< libpq's variables by keyword: what the URL does not say. No setting of its own
    std::int64_t pool = 6;
  } source;

  struct Sequencer {
    std::int64_t rows_per_batch = 2'000;
    std::int64_t rows_per_tenancy = 1'000;
    std::int64_t parallel_shards = 2;
    std::chrono::milliseconds longest_pause{250};
    std::int64_t passes_before_waiting = 8;
    std::chrono::milliseconds lock_timeout{250};
  } sequencer;

  struct Queue {
    std::chrono::milliseconds lease{15'000};
    std::int64_t max_claims = 256;
    std::chrono::milliseconds longest_pause{500};
    std::chrono::milliseconds revive_every{1'000};
  } queue;

  struct Sync {
    std::int64_t small_rows = 256;
    std::int64_t load_rows = 50'000;
    Bytes load_chunk{256 * 1024};
    std::chrono::milliseconds load_time{2'000};
    std::int64_t parallel_loads = 2;
    std::chrono::milliseconds patience{500};
    std::chrono::milliseconds source_timeout{30'000};
    std::chrono::milliseconds apply_timeout{60'000};
    std::chrono::milliseconds retry_first{500};
    std::chrono::milliseconds retry_longest{300'000};
    std::int64_t most_refused_rows = 100;
  } sync;

  struct Destinations {
    std::chrono::milliseconds connect_timeout{10'000};
    std::int64_t pool = 4;
    std::chrono::milliseconds idle_timeout{30'000};
    std::vector<std::string> allow_networks;
    std::vector<std::string> allow_fields;
    std::int64_t most_per_project = 50;
    std::string ca_file = "/etc/ssl/certs/ca-certificates.crt";
  } destinations;

  struct Tombstones {
    std::chrono::milliseconds collect_every{60'000};
    std::chrono::milliseconds keep{7LL * 24 * 3'600'000};
    std::chrono::milliseconds longest_wait{30LL * 24 * 3'600'000};
  } tombstones;

  struct ClickHouse {
    ClickHouseUse use = ClickHouseUse::automatic;
    std::string url;
    std::string user;
    std::string password;
    std::string limited_user_password;
    std::string cluster;
    std::string definer;
    std::string folder;
    Bytes memory{std::int64_t{2} << 30};
    std::chrono::milliseconds flush_age{4};
    std::chrono::milliseconds flush_pause{200};
    Bytes flush_size{std::int64_t{4} << 20};
    std::string hash_key;
    std::chrono::milliseconds clean_up_every{std::chrono::hours(24)};
    std::chrono::milliseconds keep_deleted{std::chrono::hours(24)};
    std::int64_t load_rows = 2'000'000;
    Bytes load_size{std::int64_t{16} << 20};
    std::int64_t max_claims = 2'000;
  } clickhouse;

  struct Secrets {
    std::string key;
    std::string key_file;
  } secrets;

  struct Http {
    std::string listen = "127.0.0.1:8080";
    std::int64_t max_connections = 10'000;
    std::int64_t max_requests = 256;
    std::chrono::milliseconds queue_timeout{1'000};
    std::int64_t max_queries = 16;
    std::int64_t max_queries_of_project = 4;
    Bytes max_header{16 * 1024};
    Bytes max_body{1024 * 1024};
    std::chrono::milliseconds read_timeout{10'000};
    std::chrono::milliseconds idle_timeout{75'000};
    std::chrono::milliseconds handler_timeout{30'000};
    std::chrono::milliseconds write_timeout{30'000};
    std::string allowed_origin = "*";
    AccessLog access_log = AccessLog::all;
    std::string operator_key;
    std::string cron_secret;
    std::chrono::milliseconds dashboard_session{8 * 3'600'000};
  } http;

  struct Mappings {
    std::string folder;
  } mappings;

  struct Telemetry {
    std::string otlp_endpoint;
    std::vector<std::string> otlp_headers;
    std::string service_name = "tributary";
    double trace_sample_ratio = 1;
  } telemetry;

  telemetry::LogSettings log;
  std::int64_t threads = 0;
};

}  // namespace tributary::settings
