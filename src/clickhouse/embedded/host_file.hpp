#pragma once
#include <filesystem>
#include <optional>

#include "clickhouse/embedded/host.hpp"

/// `<folder>/host.json`: where the host that keeps this folder is, and its passwords, for other processes of the same system user. Read and written by nobody
/// else. It can be out of date (a Supervisor that was killed leaves it): whoever connects finds out.
namespace tributary::clickhouse::embedded {

/// Replaces the file in one step. Throws std::system_error.
void write_host_file(const std::filesystem::path& folder, const ReadyLine& host);
/// It may be gone already. Throws std::system_error.
void remove_host_file(const std::filesystem::path& folder);
/// nullopt where it is not there, or is no host's. Throws std::system_error where it may not be read.
std::optional<ReadyLine> read_host_file(const std::filesystem::path& folder);
/// Whether a host keeps this folder: a process that lives holds its lock. False also where that cannot be found out.
bool is_kept(const std::filesystem::path& folder);

}  // namespace tributary::clickhouse::embedded
