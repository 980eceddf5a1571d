#pragma once
#include <cstdint>
#include <filesystem>

#include "settings/settings.hpp"

namespace tributary::cli::demo {

struct DemoOptions {
  int tenants = 20;                ///< at least 1
  std::int64_t users = 20'000;     ///< of all tenants together
  double rate = 200;               ///< changes a second once everything is there; 0: none
  std::int64_t seed = 1;           ///< the same seed makes the same data
  std::filesystem::path data_dir;  ///< empty: default_cluster_folder("demo")
  bool keep = false;               ///< leaves the folder at the end, and goes on with what is in it
  bool once = false;               ///< fills, follows, compares and ends, instead of going on until Ctrl-C
  bool json = false;               ///< with `once`: the summary as one JSON object on stdout, everything else on stderr
};

/// Tributary at work, with all it needs: a private PostgreSQL cluster that holds the source and a database for each tenant, tenants with
/// people in them, and an application that goes on changing them. Shows what happens until SIGINT or SIGTERM.
///
/// Returns the exit status: 0 when stopped, or when `once` found every row where it belongs; 1 otherwise. Nothing is left running. Throws ClusterError,
/// postgres::Error, std::runtime_error. Blocks: to be called on the main thread, outside any event loop. `settings`: as for serve; source.url is ours.
int run_demo(const DemoOptions& options, const settings::Settings& settings);

}  // namespace tributary::cli::demo
