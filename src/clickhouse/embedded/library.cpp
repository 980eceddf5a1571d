#include "clickhouse/embedded/library.hpp"

#include <dlfcn.h>

namespace tributary::clickhouse::embedded {
namespace {

constexpr auto kName = "libchdb.so";
constexpr auto kInPackages = "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";

template <class Function>
void resolve(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr)
    throw LibraryError(std::string("libchdb.so has no ") + name + "; use the version that package.json names (`npm ci`)");
}

}  // namespace

std::filesystem::path find_library(const std::string& configured, const std::filesystem::path& program) {
  std::error_code ignored;
  if (!configured.empty()) {
    if (std::filesystem::is_regular_file(configured, ignored)) return configured;
    throw LibraryError("there is no file " + configured + ", which is named as the ClickHouse engine's library");
  }
  const auto folder = std::filesystem::absolute(program).parent_path();
  if (std::filesystem::is_regular_file(folder / kName, ignored)) return folder / kName;
  for (auto above = folder; above != above.root_path(); above = above.parent_path()) {
    if (std::filesystem::is_regular_file(above / kInPackages, ignored)) return above / kInPackages;
  }
  throw LibraryError(
      "the ClickHouse engine (libchdb.so) is neither beside " + program.string() +
      " nor in a node_modules/ above it: run `make setup` in the source folder, or name the file (clickhouse.library)");
}

Library Library::load(const std::filesystem::path& file) {
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (handle == nullptr) throw LibraryError(std::string("cannot load the ClickHouse engine: ") + ::dlerror());
  Library library;
  resolve(handle, "chdb_set_signal_handlers_enabled", library.enable_signal_handlers);
  resolve(handle, "chdb_connect", library.connect);
  resolve(handle, "chdb_close_conn", library.close);
  resolve(handle, "chdb_query_n", library.query);
  resolve(handle, "chdb_destroy_query_result", library.destroy);
  resolve(handle, "chdb_result_buffer", library.buffer);
  resolve(handle, "chdb_result_length", library.length);
  resolve(handle, "chdb_result_error", library.error);
  resolve(handle, "chdb_result_rows_read", library.result_rows);
  resolve(handle, "chdb_result_bytes_read", library.result_bytes);
  resolve(handle, "chdb_result_storage_rows_read", library.read_rows);
  resolve(handle, "chdb_result_storage_bytes_read", library.read_bytes);
  resolve(handle, "chdb_result_rows_written", library.written_rows);
  resolve(handle, "chdb_result_bytes_written", library.written_bytes);
  return library;
}

}  // namespace tributary::clickhouse::embedded
