#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/demo/child_process.hpp"
#include "cli/demo/private_cluster.hpp"
#include "session.hpp"

namespace tributary::bench {

/// Two private PostgreSQL clusters with default durability, one for sources and one for destinations, in a folder that goes with this object.
/// Threads: one, which outlives it (cli::demo::PrivateCluster).
class Servers {
 public:
  /// `tributary`: the program that is measured, and the arguments that each `tributary serve` gets. Without durability only to see that everything
  /// runs.
  explicit Servers(std::filesystem::path tributary, std::vector<std::string> serve_arguments = {}, bool durable = true);
  ~Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  postgres::ConnectOptions source(std::string_view database) const { return source_->database(database); }
  postgres::ConnectOptions target(std::string_view database) const { return target_->database(database); }

  /// A source database, migrated by `tributary migrate`.
  void create_source(const std::string& database);
  /// A copy of a source database that nobody is connected to.
  void clone_source(const std::string& database, const std::string& original);
  void drop_source(const std::string& database);
  /// An empty database for a destination; one of that name is dropped.
  void create_target(const std::string& database);
  void drop_target(const std::string& database);
  /// Both clusters flush what they have dirty, so that what is measured next does not pay for what was before.
  void checkpoint();

  /// Runs a shell script (bash, pipefail) to its end with PostgreSQL's programs in its PATH. Returns what it printed; throws where it failed.
  std::string shell(const std::string& script, std::map<std::string, std::string> environment);

  const std::filesystem::path& tributary() const { return tributary_; }
  const std::vector<std::string>& serve_arguments() const { return serve_arguments_; }
  const std::filesystem::path& folder() const { return folder_; }
  const std::filesystem::path& programs() const { return programs_; }

 private:
  std::filesystem::path tributary_;
  std::vector<std::string> serve_arguments_;
  std::filesystem::path folder_;
  std::filesystem::path programs_;
  std::optional<cli::demo::PrivateCluster> source_;
  std::optional<cli::demo::PrivateCluster> target_;
};

class EngineFolder;

/// `tributary serve` on a source, as users run it. The constructor returns when it has started; the destructor stops it.
class Service {
 public:
  /// `engine`: of its ClickHouse, which starts after it. nullptr: it has none.
  Service(Servers& servers, const std::string& source_database, std::vector<std::string> arguments = {},
          const EngineFolder* engine = nullptr);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Where it answers over HTTP.
  std::uint16_t port() const;
  /// Highest resident memory so far (VmHWM), in MiB.
  double peak_mebibytes() const;

 private:
  std::filesystem::path log_;
  cli::demo::ChildProcess process_;
};

}  // namespace tributary::bench
