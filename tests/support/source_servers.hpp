#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "cli/demo/private_cluster.hpp"
#include "support/chaos_proxy.hpp"

namespace tributary::test {

/// The servers that a source has one after the other, each of this test's own, and the one address by which everybody reaches it.
/// Threads: one at a time, the one that made it. All block.
class SourceServers {
 public:
  SourceServers();
  ~SourceServers();
  SourceServers(const SourceServers&) = delete;
  SourceServers& operator=(const SourceServers&) = delete;

  /// The address that stays, of a superuser's database.
  std::string uri() const;

  /// The present server stops and starts.
  void restart();

  enum class Successor { replica, backup };
  /// Makes the next server, of the present one's data as they are now. A replica gets whatever follows, too.
  void prepare(Successor successor);
  /// The replica gets nothing more.
  void cut_off();
  /// The present server ends, and the next one takes its place: a replica is promoted, which has everything unless it was cut off.
  void replace();

 private:
  cli::demo::PrivateCluster start(const std::filesystem::path& folder) const;
  std::filesystem::path new_folder();
  void lead_to_present();

  const std::filesystem::path folder_;
  int made_ = 0;
  Successor successor_ = Successor::replica;
  std::filesystem::path next_folder_;
  std::optional<cli::demo::PrivateCluster> present_;
  std::optional<cli::demo::PrivateCluster> replica_;
  std::optional<ChaosProxy> proxy_;
};

}  // namespace tributary::test
