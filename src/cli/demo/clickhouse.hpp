#pragma once
#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "cli/demo/tenants.hpp"
#include "cli/demo/verify.hpp"
#include "clickhouse/embedded/host.hpp"
#include "mapping/mapping.hpp"

/// The demo's shared ClickHouse: where the embedded engine keeps its data, and what tenants ask it.
namespace tributary::cli::demo {

/// The folder of the embedded engine, beside the cluster's: another system user's than that. Removed at the end unless it is kept.
class ClickHouseFolder {
 public:
  /// `fresh`: without what an earlier demo left there. Throws Failure where something else is there.
  ClickHouseFolder(std::filesystem::path folder, bool fresh, bool keep);
  ~ClickHouseFolder();
  ClickHouseFolder(const ClickHouseFolder&) = delete;
  ClickHouseFolder& operator=(const ClickHouseFolder&) = delete;
  const std::filesystem::path& path() const { return folder_; }

 private:
  const std::filesystem::path folder_;
  const bool keep_;
};

/// Compares each view, as a tenant sees it, with what sql/expected.sql says that it must show. Adds to `result`. Throws clickhouse::Error, and what verify()
/// throws.
asio::awaitable<void> verify_clickhouse(const clickhouse::embedded::ReadyLine& host, postgres::Connection& source,
                                        const Tenant& tenant, std::span<const mapping::Mapping> mappings, Verification& result);

/// A question of sql/analytics.sql and its answer.
struct Answered {
  std::string question;
  std::string table;  ///< for people to read
  std::string rows;  ///< a JSON object on each line
};
/// The questions, asked by one tenant. Throws clickhouse::Error.
asio::awaitable<std::vector<Answered>> ask_questions(const clickhouse::embedded::ReadyLine& host, const Tenant& tenant);

}  // namespace tributary::cli::demo
